/** Matches every host: a listener or a route that names none. */
export const anyHostname = '';

/**
 * What two host names have in common, as the Gateway API defines it: `*.example.com` is everything below `example.com`, any number of
 * labels, and not itself. Undefined when they have nothing in common.
 */
export function commonHostname(one: string, other: string): string | undefined {
  if (one === other || other === anyHostname) return one;
  if (one === anyHostname) return other;
  if (isBelow(one, other)) return one;
  return isBelow(other, one) ? other : undefined;
}

/** The part of `:authority` or `host` that routes are matched with: lower case, without port. */
export function hostOf(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':');
  return (end > 0 ? authority.slice(0, end) : authority).toLowerCase();
}

/** The host names that cover a host, the most specific first. */
export function* hostnamesFor(host: string): Generator<string> {
  yield host;
  for (let dot = host.indexOf('.'); dot > 0; dot = host.indexOf('.', dot + 1))
    yield `*${host.slice(dot)}`;
  if (host !== anyHostname) yield anyHostname;
}

/** Whether a name (or a wildcard) is covered by a wildcard. */
function isBelow(name: string, wildcard: string): boolean {
  if (!wildcard.startsWith('*.')) return false;
  const suffix = wildcard.slice(1);
  return (name.startsWith('*.') ? name.slice(1) : name).endsWith(suffix);
}
