import { type HeaderPairs, type StreamListener } from '@raftway/http2';
import { PassingStream } from './passing-stream';

/** The answer to HEAD: headers alone, when all of the answer is there. Its body is dropped (RFC 9110 §9.3.2). */
export class HeadStream extends PassingStream {
  private listener: StreamListener | undefined;
  private headers: HeaderPairs = [];

  override setListener(listener: StreamListener): void {
    this.listener = listener;
    super.setListener(listener);
  }

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    this.headers = headers;
    if (endOfStream) this.sendEnd();
  }

  override sendData(chunk: Uint8Array): void {
    // The owner hears of it after its call, as of any stream.
    queueMicrotask(() => this.listener?.onSent(chunk.length));
  }

  override sendEnd(): void {
    super.sendHeaders(this.headers, true);
  }
}
