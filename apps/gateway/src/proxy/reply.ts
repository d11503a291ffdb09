import { type ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs, type StreamListener } from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';

/** Answers a call with an error and nothing else (a Trailers-Only response). @param more beside the status */
export function sendRefusal(stream: EngineStream, error: ServiceError, more?: HeaderPairs): void {
  const headers = [':status', '200', 'content-type', 'application/grpc'];
  stream.sendHeaders([...headers, ...statusTrailers(error, more)], true);
}

/** Answers something that is no gRPC call, with all of the response at once. */
export function sendHttpResponse(
  stream: EngineStream,
  status: number,
  headers: HeaderPairs,
  body: Uint8Array = new Uint8Array(0),
): void {
  const all = [':status', String(status), ...headers];
  // RFC 9110 §8.6: a 204 has no length.
  if (status !== 204) all.push('content-length', String(body.length));
  stream.sendHeaders(all, body.length === 0);
  if (body.length === 0) return;
  stream.sendData(body);
  stream.sendEnd();
}

/** Takes what a refused client still sends, and drops it. */
export class DiscardingListener implements StreamListener {
  constructor(private readonly stream: EngineStream) {}

  onHeaders(): void {}
  onEnd(): void {}
  onSent(): void {}
  onReset(): void {}
  onClosed(): void {}

  onData(chunk: Uint8Array): void {
    this.stream.release(chunk.length);
  }
}
