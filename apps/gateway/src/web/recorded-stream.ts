import { type EngineStream, type HeaderPairs, headerValue } from '@raftway/http2';
import { type CallRecord } from '../proxy/call-record';
import { HearingStream } from './passing-stream';

/** A client's stream whose bytes, times and statuses are noted in a record. Everything passes unchanged. */
export class RecordedStream extends HearingStream {
  /** @param onDone is given the record when all is over. */
  constructor(
    outside: EngineStream,
    private readonly noted: CallRecord,
    private readonly nowMs: () => number,
    private readonly onDone: (record: CallRecord) => void,
  ) {
    super(outside);
  }

  override get record(): CallRecord {
    return this.noted;
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

  override onData(chunk: Uint8Array): void {
    this.noted.requestBytes += chunk.length;
    super.onData(chunk);
  }

  override onSent(bytes: number): void {
    this.noted.responseBytes += bytes;
    super.onSent(bytes);
  }

  override onClosed(): void {
    super.onClosed();
    this.onDone(this.noted);
  }
}
