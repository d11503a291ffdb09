import { type ServiceError } from '@raftway/errors';
import { type HeaderPairs, headerValue } from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';
import { endStreamMessage, metadataOf, streamType } from '../domain/connect-protocol';
import { DressedStream, responseFault } from './dressed-stream';

/** A gRPC call in the clothes of a stream of the Connect protocol: the same messages, and trailers and status as a last one. */
export class ConnectStreamingStream extends DressedStream {
  private isStarted = false;
  /** Of the inside, and not reported to it. */
  private unsentBytes = 0;

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    const fault = responseFault(headers, endOfStream);
    if (fault !== undefined) return this.fail(fault);
    if (endOfStream && headerValue(headers, 'grpc-status') !== undefined)
      return this.finish(headers);
    const own = ['connect-content-encoding', 'grpc-encoding'];
    own.push('connect-accept-encoding', 'grpc-accept-encoding');
    const result = metadataOf(headers);
    for (let index = 0; index < own.length; index += 2) {
      const value = headerValue(headers, own[index + 1] ?? '');
      if (value !== undefined) result.push(own[index] ?? '', value);
    }
    this.begin(result);
    if (endOfStream) this.finish([]);
  }

  override sendData(chunk: Uint8Array): void {
    this.unsentBytes += chunk.length;
    this.outside.sendData(chunk);
  }

  override sendEnd(trailers: HeaderPairs = []): void {
    this.finish(trailers);
  }

  override onSent(bytes: number): void {
    const share = Math.min(bytes, this.unsentBytes);
    this.unsentBytes -= share;
    if (share > 0) super.onSent(share);
  }

  protected refuse(error: ServiceError): void {
    this.finish(statusTrailers(error));
  }

  private finish(trailers: HeaderPairs): void {
    if (!this.isStarted) this.begin([]);
    this.outside.sendData(endStreamMessage(trailers));
    this.outside.sendEnd();
  }

  private begin(headers: HeaderPairs): void {
    this.isStarted = true;
    this.outside.sendHeaders([':status', '200', 'content-type', streamType, ...headers], false);
  }
}
