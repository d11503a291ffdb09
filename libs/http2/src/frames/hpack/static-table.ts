/** Names and values of RFC 7541 Appendix A in turn; the first entry has index 1. */
export const staticFields: readonly string[] = [
  ...[':authority', '', ':method', 'GET', ':method', 'POST', ':path', '/'],
  ...[':path', '/index.html', ':scheme', 'http', ':scheme', 'https', ':status', '200'],
  ...[':status', '204', ':status', '206', ':status', '304', ':status', '400'],
  ...[':status', '404', ':status', '500', 'accept-charset', '', 'accept-encoding', 'gzip, deflate'],
  ...['accept-language', '', 'accept-ranges', '', 'accept', '', 'access-control-allow-origin', ''],
  ...['age', '', 'allow', '', 'authorization', '', 'cache-control', ''],
  ...['content-disposition', '', 'content-encoding', '', 'content-language', ''],
  ...['content-length', '', 'content-location', '', 'content-range', '', 'content-type', ''],
  ...['cookie', '', 'date', '', 'etag', '', 'expect', '', 'expires', '', 'from', '', 'host', ''],
  ...['if-match', '', 'if-modified-since', '', 'if-none-match', '', 'if-range', ''],
  ...['if-unmodified-since', '', 'last-modified', '', 'link', '', 'location', ''],
  ...['max-forwards', '', 'proxy-authenticate', '', 'proxy-authorization', '', 'range', ''],
  ...['referer', '', 'refresh', '', 'retry-after', '', 'server', '', 'set-cookie', ''],
  ...['strict-transport-security', '', 'transfer-encoding', '', 'user-agent', '', 'vary', ''],
  ...['via', '', 'www-authenticate', ''],
];

/** Entries of the static table; dynamic entries begin behind it (RFC 7541 §2.3.3). */
export const staticCount = staticFields.length / 2;

/** The static entries of one name: the first index, and the index of each value. */
export interface StaticName {
  readonly first: number;
  readonly values: ReadonlyMap<string, number>;
}

/** The static table by name. */
export const staticNames: ReadonlyMap<string, StaticName> = byName();

function byName(): Map<string, StaticName> {
  const names = new Map<string, { first: number; values: Map<string, number> }>();
  for (let index = 1; index <= staticCount; index += 1) {
    const name = staticFields[2 * index - 2] ?? '';
    const value = staticFields[2 * index - 1] ?? '';
    const known = names.get(name);
    if (known === undefined) names.set(name, { first: index, values: new Map([[value, index]]) });
    else known.values.set(value, index);
  }
  return names;
}
