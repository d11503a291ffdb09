import { type ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  http2Code,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';

/**
 * A gRPC stream over an HTTP exchange: gRPC's headers, messages and trailers to the inside (whoever sets the listener), another protocol to
 * the outside. By itself it passes everything on unchanged; a protocol overrides what is different there.
 */
export abstract class DressedStream implements EngineStream, StreamListener {
  /** Undefined before it was set, and after the end. */
  protected inside: StreamListener | undefined;

  constructor(protected readonly outside: EngineStream) {
    outside.setListener(this);
  }

  // ---- from the inside ----

  setListener(listener: StreamListener): void {
    this.inside = listener;
  }

  sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    this.outside.sendHeaders(headers, endOfStream);
  }

  sendData(chunk: Uint8Array): void {
    this.outside.sendData(chunk);
  }

  sendEnd(trailers?: HeaderPairs): void {
    this.outside.sendEnd(trailers);
  }

  release(bytes: number): void {
    this.outside.release(bytes);
  }

  reset(code: number): void {
    this.outside.reset(code);
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
