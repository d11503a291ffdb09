import { rpc } from '@raftway/contracts';
import { type ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  percentEncode,
  type StreamListener,
} from '@raftway/http2';

const domain = 'raftway';

/** `grpc-status`, `grpc-message` and `grpc-status-details-bin` of an error, as header pairs. */
export function statusPairs(error: ServiceError): string[] {
  const details = [
    any(
      'google.rpc.ErrorInfo',
      rpc.ErrorInfo.encode({
        reason: error.reason,
        domain,
        metadata: { ...error.metadata },
      }).finish(),
    ),
  ];
  if (error.retryDelayMs !== undefined) {
    const retryDelay = {
      seconds: BigInt(Math.floor(error.retryDelayMs / 1000)),
      nanos: (error.retryDelayMs % 1000) * 1_000_000,
    };
    details.push(any('google.rpc.RetryInfo', rpc.RetryInfo.encode({ retryDelay }).finish()));
  }
  const status = rpc.Status.encode({
    code: error.code,
    message: error.rawMessage,
    details,
  }).finish();
  return [
    'grpc-status',
    String(error.code),
    'grpc-message',
    percentEncode(error.rawMessage),
    'grpc-status-details-bin',
    Buffer.from(status).toString('base64').replace(/=+$/, ''),
  ];
}

/** Answers a call with an error and nothing else (a Trailers-Only response). */
export function sendRefusal(stream: EngineStream, error: ServiceError): void {
  stream.sendHeaders(
    [':status', '200', 'content-type', 'application/grpc', ...statusPairs(error)],
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

function any(type: string, value: Uint8Array): { typeUrl: string; value: Buffer } {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) };
}
