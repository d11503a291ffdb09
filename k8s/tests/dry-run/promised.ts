/** A unary call of a client of grpc-js as a promise. */
export function promised<Reply>(
  call: (callback: (error: Error | null, reply: Reply) => void) => void,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    call((error, reply) => (error === null ? resolve(reply) : reject(error)));
  });
}
