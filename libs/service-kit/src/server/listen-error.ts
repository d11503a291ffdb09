const SENTENCES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'the user may not listen on that port',
  ENOTFOUND: 'the host name does not resolve',
};

/**
 * Why a server cannot listen, in one sentence with the address in it.
 *
 * @param what the server, such as `gRPC`.
 * @param error of node, with the system's code in its text.
 */
export function listenError(what: string, bind: string, error: Error): Error {
  const code = Object.keys(SENTENCES).find((name) => error.message.includes(name));
  const why = code === undefined ? error.message : `${SENTENCES[code]} (${code})`;
  return new Error(`the ${what} server cannot listen on ${bind}: ${why}`, { cause: error });
}
