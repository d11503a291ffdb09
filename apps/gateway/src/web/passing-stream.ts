import { type EngineStream, type HeaderPairs, type StreamListener } from '@raftway/http2';
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
