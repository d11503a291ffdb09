import { type ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs, type StreamListener } from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';

/** Answers a call with an error and nothing else (a Trailers-Only response). */
export function sendRefusal(stream: EngineStream, error: ServiceError): void {
  stream.sendHeaders(
    [':status', '200', 'content-type', 'application/grpc', ...statusTrailers(error)],
    true,
  );
}

/** Answers something that is no gRPC call with an HTTP status. */
export function sendHttpStatus(stream: EngineStream, status: string, extra: HeaderPairs): void {
  stream.sendHeaders([':status', status, ...extra], true);
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
