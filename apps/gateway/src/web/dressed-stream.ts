import { type ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  http2Code,
  isGrpcContentType,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { upstreamNotGrpc } from '../domain/refusal';
import { codeOfHttpStatus } from '../domain/status-mapping';
import { PassingStream } from './passing-stream';

/**
 * A gRPC stream over an HTTP exchange: gRPC's headers, messages and trailers to the inside (whoever sets the listener), another protocol to
 * the outside. By itself it passes everything on unchanged; a protocol overrides what is different there.
 */
export abstract class DressedStream extends PassingStream implements StreamListener {
  /** Undefined before it was set, and after the end. */
  protected inside: StreamListener | undefined;

  constructor(outside: EngineStream) {
    super(outside);
    outside.setListener(this);
  }

  // ---- from the inside ----

  override setListener(listener: StreamListener): void {
    this.inside = listener;
  }

  // ---- from the outside ----

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    if (this.inside === undefined) this.outside.release(chunk.length);
    else this.inside.onData(chunk);
  }

  onEnd(_trailers?: HeaderPairs): void {
    this.inside?.onEnd(undefined);
  }

  onSent(bytes: number): void {
    this.inside?.onSent(bytes);
  }

  onReset(reset: StreamReset): void {
    this.inside?.onReset(reset);
  }

  onOverdue(): void {
    this.inside?.onOverdue?.();
  }

  onClosed(): void {
    const { inside } = this;
    this.inside = undefined;
    inside?.onClosed();
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
