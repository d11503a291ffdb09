import { type EngineStream, type HeaderPairs, type StreamListener } from '@raftway/http2';

/** A stream over another one that passes everything on unchanged; subclasses override what is different. */
export abstract class PassingStream implements EngineStream {
  constructor(protected readonly outside: EngineStream) {}

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
