import type { ServiceError } from '@raftway/errors';
import { type HeaderPairs, percentEncode } from '@raftway/http2';
import { DETAILS_KEY, encodeDetails, wireText } from './error-details';

const ok: HeaderPairs = ['grpc-status', '0'];

/** The trailers of a call that ended well. @param more the handler's */
export function okTrailers(more: HeaderPairs = []): HeaderPairs {
  return more.length === 0 ? ok : [...ok, ...more];
}

/** An error as trailers, with its details. @param more the handler's */
export function statusTrailers(error: ServiceError, more: HeaderPairs = []): HeaderPairs {
  return [
    ...['grpc-status', String(error.code)],
    ...['grpc-message', percentEncode(wireText(error.rawMessage))],
    ...[DETAILS_KEY, unpadded(encodeDetails(error))],
    ...more,
  ];
}

/** As gRPC over HTTP/2 asks for binary metadata to be sent. */
function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
