import { type HeaderPairs } from '@raftway/http2';

/** Whom the gateway calls of its own accord, and over what. */
export interface OwnCallTarget {
  readonly scheme: 'http' | 'https';
  /** host:port */
  readonly authority: string;
}

/** The request headers of a gRPC call that is the gateway's own, such as a health check. */
export function ownCallHeaders(
  { scheme, authority }: OwnCallTarget,
  path: string,
  timeoutMs: number,
): HeaderPairs {
  return [
    ...[':method', 'POST', ':scheme', scheme, ':path', path, ':authority', authority],
    ...['content-type', 'application/grpc', 'te', 'trailers', 'grpc-timeout', `${timeoutMs}m`],
  ];
}
