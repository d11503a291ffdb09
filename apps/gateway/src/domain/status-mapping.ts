import { Code } from '@raftway/errors';
import { headerValue, type HeaderPairs, http2Code } from '@raftway/http2/rules';

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
 * The gRPC status of a response without `grpc-status`, from its HTTP status. Only for the gateway's own records: the
 * response itself passes unchanged and the client maps it the same way.
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

/** The gRPC status that a response's last headers say, 0 for OK; UNKNOWN for what is none. */
export function statusOf(headers: HeaderPairs): number {
  const status = headerValue(headers, 'grpc-status');
  if (status === undefined) return codeOfHttpStatus(headerValue(headers, ':status') ?? '');
  const code = Number(status);
  return Number.isInteger(code) ? code : Code.unknown;
}
