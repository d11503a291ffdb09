import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { type CallRecord } from '../proxy/call-record';
import { PassingStream } from './passing-stream';

/** A client's stream whose bytes, times and statuses are noted in a record. Everything passes unchanged. */
export class RecordedStream extends PassingStream implements StreamListener {
  /** Undefined before it was set. */
  private inside: StreamListener | undefined;

  /** @param onDone is given the record when all is over. */
  constructor(
    outside: EngineStream,
    private readonly noted: CallRecord,
    private readonly nowMs: () => number,
    private readonly onDone: (record: CallRecord) => void,
  ) {
    super(outside);
    outside.setListener(this);
  }

  override get record(): CallRecord {
    return this.noted;
  }

  override setListener(listener: StreamListener): void {
    this.inside = listener;
  }

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    const record = this.noted;
    if (record.httpStatus === undefined) {
      record.httpStatus = Number(headerValue(headers, ':status'));
      record.firstByteMs = this.nowMs() - record.startedMs;
    }
    record.noteAnswer(headers);
    if (endOfStream) record.endedMs = this.nowMs();
    this.outside.sendHeaders(headers, endOfStream);
  }

  override sendEnd(trailers?: HeaderPairs): void {
    if (trailers !== undefined) this.noted.noteAnswer(trailers);
    this.noted.endedMs ??= this.nowMs();
    this.outside.sendEnd(trailers);
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    this.noted.requestBytes += chunk.length;
    if (this.inside === undefined) this.outside.release(chunk.length);
    else this.inside.onData(chunk);
  }

  onEnd(trailers: HeaderPairs | undefined): void {
    this.inside?.onEnd(trailers);
  }

  onSent(bytes: number): void {
    this.noted.responseBytes += bytes;
    this.inside?.onSent(bytes);
  }

  onReset(reset: StreamReset): void {
    this.inside?.onReset(reset);
  }

  onOverdue(): void {
    this.inside?.onOverdue?.();
  }

  onClosed(): void {
    this.inside?.onClosed();
    this.inside = undefined;
    this.onDone(this.noted);
  }
}
