import {
  type EngineStream,
  type HeaderPairs,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { type CallRecord } from '../proxy/call-record';

/** A stream over another one that passes everything on unchanged; subclasses override what is different. */
export abstract class PassingStream implements EngineStream {
  constructor(protected readonly outside: EngineStream) {}

  /** What is noted about the exchange; undefined when nothing is. */
  get record(): CallRecord | undefined {
    return this.outside instanceof PassingStream ? this.outside.record : undefined;
  }

  setListener(listener: StreamListener): void {
    this.outside.setListener(listener);
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
}

/** A passing stream that hears what comes from outside as well, and passes that on to whoever listens to it. */
export abstract class HearingStream extends PassingStream implements StreamListener {
  /** Undefined before it was set, when what comes is dropped, and after the end. */
  protected inside: StreamListener | undefined;

  constructor(outside: EngineStream) {
    super(outside);
    outside.setListener(this);
  }

  override setListener(listener: StreamListener): void {
    this.inside = listener;
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    if (this.inside === undefined) this.outside.release(chunk.length);
    else this.inside.onData(chunk);
  }

  onEnd(trailers?: HeaderPairs): void {
    this.inside?.onEnd(trailers);
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
}
