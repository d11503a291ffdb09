import { rpc } from '@raftway/contracts';
import { Code, toCode } from '@raftway/errors';
import { headerValue, type HeaderPairs, http2Code, percentDecode } from '@raftway/http2/rules';
import { type GrpcStatus } from '@raftway/transcoding';

/**
 * The gRPC status that an HTTP/2 error code means.
 * Source: "Errors" in gRPC's PROTOCOL-HTTP2.md.
 */
export function codeOfReset(code: number): Code {
  switch (code) {
    case http2Code.refusedStream:
      return Code.unavailable;
    case http2Code.cancel:
      return Code.cancelled;
    case http2Code.enhanceYourCalm:
      return Code.resourceExhausted;
    case http2Code.inadequateSecurity:
      return Code.permissionDenied;
    case http2Code.http11Required:
      return Code.unknown;
    default:
      return Code.internal;
  }
}

/**
 * The gRPC status of a response without `grpc-status`, from its HTTP status. To gRPC clients, which map it the same way,
 * the response passes unchanged: there it is only for the gateway's own records.
 * Source: gRPC's http-grpc-status-mapping.md.
 */
export function codeOfHttpStatus(status: string): Code {
  switch (status) {
    case '400':
      return Code.internal;
    case '401':
      return Code.unauthenticated;
    case '403':
      return Code.permissionDenied;
    case '404':
      return Code.unimplemented;
    case '429':
    case '502':
    case '503':
    case '504':
      return Code.unavailable;
    default:
      return Code.unknown;
  }
}

/** The gRPC status that a response's last headers or trailers say, 0 for OK; UNKNOWN for what is none. */
export function statusOf(headers: HeaderPairs): number {
  const status = headerValue(headers, 'grpc-status');
  if (status === undefined) return codeOfHttpStatus(headerValue(headers, ':status') ?? '');
  if (status === '0') return 0;
  return toCode(/^\d{1,2}$/.test(status) ? Number(status) : Code.unknown);
}

/** The status that trailers say, with message and details. */
export function grpcStatusOf(trailers: HeaderPairs): GrpcStatus {
  const code = statusOf(trailers);
  const message = percentDecode(headerValue(trailers, 'grpc-message') ?? '').toString('utf8');
  return { code, message, details: detailsOf(headerValue(trailers, 'grpc-status-details-bin')) };
}

function detailsOf(encoded: string | undefined): GrpcStatus['details'] {
  if (encoded === undefined) return [];
  try {
    return rpc.Status.decode(Buffer.from(encoded, 'base64')).details;
  } catch {
    // They are no google.rpc.Status; code and message are worth telling all the same.
    return [];
  }
}
