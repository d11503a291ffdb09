/*
 * HTTP and JSON in gRPC's terms, as far as it is about headers and statuses; bodies are @raftway/transcoding's.
 */
import { type Registry } from '@bufbuild/protobuf';
import { type HeaderPairs, headerValue } from '@raftway/http2/rules';
import { statusJson } from '@raftway/transcoding';
import { errorOf, metadataOf } from './connect-protocol';
import { grpcStatusOf } from './status-mapping';

/** How a request's body is to be read. */
export type BodyKind = 'json' | 'lines' | 'other';

const lineTypes = new Set(['application/x-ndjson', 'application/ndjson', 'application/jsonl']);

/** What kind of body a content type is. */
export function bodyKindOf(contentType: string): BodyKind {
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (lineTypes.has(type)) return 'lines';
  return type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type)
    ? 'json'
    : 'other';
}

/**
 * The headers of the gRPC call that a request becomes: its own but for those that speak of the body, and the caller's time.
 */
export function grpcHeadersOfJson(headers: HeaderPairs, path: string): string[] {
  const result = [':method', 'POST', ':path', path];
  for (const name of [':scheme', ':authority', 'grpc-timeout']) {
    const value = headerValue(headers, name);
    if (value !== undefined) result.push(name, value);
  }
  result.push(...metadataOf(headers), 'content-type', 'application/grpc+proto', 'te', 'trailers');
  return result;
}

/**
 * The body of an answer with the status that trailers say.
 *
 * @param isConnect whether it is written as the Connect protocol has it, rather than as google.rpc.Status
 * @param registries where the types of details are found
 */
export function errorBody(
  trailers: HeaderPairs,
  isConnect: boolean,
  registries: readonly Registry[],
): Buffer {
  if (isConnect) return Buffer.from(JSON.stringify(errorOf(trailers)));
  return Buffer.from(`${JSON.stringify(statusJson(grpcStatusOf(trailers), registries))}\n`);
}
