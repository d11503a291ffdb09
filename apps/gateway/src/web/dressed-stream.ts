import { type ServiceError } from '@raftway/errors';
import { type HeaderPairs, headerValue, http2Code, isGrpcContentType } from '@raftway/http2';
import { upstreamNotGrpc } from '../domain/refusal';
import { codeOfHttpStatus } from '../domain/status-mapping';
import { HearingStream } from './passing-stream';

/**
 * A gRPC stream over an HTTP exchange: gRPC's headers, messages and trailers to the inside (whoever sets the listener), another protocol to
 * the outside. By itself it passes everything on unchanged; a protocol overrides what is different there.
 */
export abstract class DressedStream extends HearingStream {
  /** Trailers of another protocol say nothing to the inside. */
  override onEnd(_trailers?: HeaderPairs): void {
    super.onEnd();
  }

  /** Answers with an error of the protocol's own making; for the inside the client has gone. */
  protected fail(error: ServiceError): void {
    const { inside } = this;
    if (inside === undefined) return;
    this.inside = undefined;
    const detail = error.reason;
    const code = http2Code.protocolError;
    inside.onReset({ code, unprocessed: false, connectionLost: false, detail });
    inside.onClosed();
    this.refuse(error);
  }

  /** Ends the exchange with this error, whatever has been sent already. */
  protected abstract refuse(error: ServiceError): void;
}

/** What is wrong with an instance's headers for a protocol that has to read its status; undefined when they are a gRPC response's. */
export function responseFault(
  headers: HeaderPairs,
  endOfStream: boolean,
): ServiceError | undefined {
  if (endOfStream && headerValue(headers, 'grpc-status') !== undefined) return undefined;
  const status = headerValue(headers, ':status') ?? '';
  const contentType = headerValue(headers, 'content-type') ?? '';
  if (status === '200' && isGrpcContentType(contentType)) return undefined;
  return upstreamNotGrpc(codeOfHttpStatus(status), status);
}
