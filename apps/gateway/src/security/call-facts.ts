import { type HeaderPairs } from '@raftway/http2';
import { type GrpcPath } from '../domain/grpc-path';

/** What a call is judged by. */
export interface CallFacts {
  readonly path: GrpcPath;
  readonly headers: HeaderPairs;
  readonly clientAddress: string;
  /** Names of the client's certificate, such as `DNS:web`; undefined when it has shown none that is good. */
  readonly certificateNames: () => readonly string[] | undefined;
  /** What is left of the caller's time, in milliseconds; undefined when it is unlimited. */
  readonly timeoutMs: number | undefined;
}

/** All values of a header, in their order. */
export function headerValues(headers: HeaderPairs, name: string): string[] {
  const values: string[] = [];
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index] === name) values.push(headers[index + 1] ?? '');
  return values;
}
