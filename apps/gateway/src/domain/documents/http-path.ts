/** Characters that mean the same in a path whether they are percent-encoded or not: all of a segment's (RFC 3986 §3.3 pchar). */
const segmentCharacter = /^[-A-Za-z0-9._~!$&'()*+,;=:@]$/;

/**
 * The path that rules are matched with: what may be written in two ways is written in one, so that `/v1/%73ecret` is no way around a rule for
 * `/v1/secret`, which transcoding would read it as. `%2F` stays: it is part of a segment. Segments keep their number and their places.
 */
export function comparablePath(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/%[0-9a-fA-F]{2}/g, (encoded) => {
    const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
    return segmentCharacter.test(character) ? character : encoded.toUpperCase();
  });
}

/** A prefix as it is compared: by whole segments, so that a slash at its end says nothing. `/` is ''. */
export function comparablePrefix(value: string): string {
  return comparablePath(value).replace(/\/$/, '');
}

/** No prefix of a document is longer: what lies behind of a client's path is not compared. */
const prefixLengthMax = 1024;

/** The prefixes of a path that documents may have, by whole segments, the longest first; '' is the last. */
export function* prefixesOf(path: string): Generator<string> {
  let end = path.length <= prefixLengthMax ? path.length : path.lastIndexOf('/', prefixLengthMax);
  if (path.charCodeAt(end - 1) === 47 /* '/' */) end -= 1;
  yield path.slice(0, end);
  while (end > 0) {
    end = path.lastIndexOf('/', end - 1);
    yield path.slice(0, end);
  }
}

/**
 * A path with another prefix, as the Gateway API has it: `/foo/bar` with `/foo` replaced by `/xyz` or `/xyz/` is `/xyz/bar`.
 * @param path as it came; its segments are those of the prefix, whichever way they are written.
 * @param prefix as {@link comparablePrefix} has it.
 */
export function withPrefix(path: string, prefix: string, replacement: string): string {
  let end = 0;
  for (let slash = prefix.indexOf('/'); slash >= 0; slash = prefix.indexOf('/', slash + 1)) {
    const next = path.indexOf('/', end + 1);
    end = next < 0 ? path.length : next;
  }
  const rest = path.slice(end);
  const start = replacement.replace(/\/$/, '');
  const whole = `${start}${rest}`;
  return whole.startsWith('/') ? whole : `/${whole}`;
}
