/** An address in two parts. */
export interface HostPort {
  /** Host name or IP address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** Splits `host:port` or `[ipv6]:port`; undefined when it is neither, or the port is above 65535. An empty host is none. */
export function splitHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:[\]/,=]+)):(\d{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) return undefined;
  const port = Number(match[3]);
  return port <= 65_535 ? { host, port } : undefined;
}

/** The address as one text, with brackets around an IPv6 host. */
export function joinHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
