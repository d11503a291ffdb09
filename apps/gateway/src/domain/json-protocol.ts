/*
 * HTTP and JSON in gRPC's terms, as far as it is about headers and statuses; bodies are @raftway/transcoding's.
 */
import { type Registry } from '@bufbuild/protobuf';
import { type HeaderPairs, headerValue, percentDecode } from '@raftway/http2/rules';
import { decodeStatus, type GrpcStatus, statusJson } from '@raftway/transcoding';
import { metadataOf, statusOf } from './connect-protocol';

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

/** The status that trailers say, with its details. */
export function grpcStatusOf(trailers: HeaderPairs): GrpcStatus {
  const code = statusOf(trailers);
  const message = percentDecode(headerValue(trailers, 'grpc-message') ?? '').toString('utf8');
  const encoded = headerValue(trailers, 'grpc-status-details-bin');
  if (encoded === undefined) return { code, message, details: [] };
  try {
    return { code, message, details: decodeStatus(Buffer.from(encoded, 'base64')).details };
  } catch {
    // The details are no google.rpc.Status; code and message are worth telling all the same.
    return { code, message, details: [] };
  }
}

/** The body of an answer with that status. */
export function errorBody(status: GrpcStatus, registries: readonly Registry[]): Buffer {
  return Buffer.from(`${JSON.stringify(statusJson(status, registries))}\n`);
}
