import { Code, ServiceError } from '@raftway/errors';
import { limitReached } from '../domain/refusal';
import { headerValue, type HeaderPairs } from '../domain/header-rules';
import { http2Code } from '../domain/http2-codes';
import { type EngineStream, type StreamListener } from '../engine/engine';
import { sendRefusal, statusPairs } from '../proxy/reply';

/** Bytes in front of a gRPC message: a flag and a 32-bit length. */
const prefixBytes = 5;
/** Largest request of the gateway's own services. */
const messageBytesMax = 64 * 1024;
/** Answers that may wait for a slow client. */
const unsentBytesMax = 16 * 1024 * 1024;

/** What one of the gateway's own methods does with a call. */
export interface LocalHandler {
  /** One request. @throws ServiceError to end the call with it */
  onMessage(message: Uint8Array): void;
  /** The client sends nothing more. */
  onHalfClose(): void;
  /** The call is over, however it ended. */
  onClosed(): void;
}

/** A call of one of the gateway's own services (health, reflection): messages instead of bytes. */
export class LocalCall implements StreamListener {
  private handler: LocalHandler | undefined;
  private buffered: Buffer = Buffer.alloc(0);
  private started = false;
  private ended = false;
  private unsentBytes = 0;

  constructor(
    private readonly stream: EngineStream,
    private readonly headers: HeaderPairs,
  ) {
    stream.setListener(this);
  }

  /** Starts the call. @param requestEnded whether there will be no request at all */
  run(open: (call: LocalCall) => LocalHandler, requestEnded: boolean): void {
    const encoding = headerValue(this.headers, 'grpc-encoding') ?? 'identity';
    if (encoding !== 'identity') {
      this.fail(
        new ServiceError({
          code: Code.unimplemented,
          reason: 'ENCODING_UNSUPPORTED',
          message: `the gateway's own services take identity encoding, not ${encoding}`,
        }),
      );
      return;
    }
    this.guard(() => {
      this.handler = open(this);
      if (requestEnded) this.handler.onHalfClose();
    });
  }

  /** Sends one response. */
  send(message: Uint8Array): void {
    if (this.ended) return;
    if (!this.started) {
      this.started = true;
      this.stream.sendHeaders([':status', '200', 'content-type', 'application/grpc'], false);
    }
    const frame = Buffer.allocUnsafe(prefixBytes + message.length);
    frame[0] = 0;
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, prefixBytes);
    this.unsentBytes += frame.length;
    if (this.unsentBytes > unsentBytesMax)
      return this.fail(limitReached('MESSAGE_TOO_LARGE', 'unread response bytes', unsentBytesMax));
    this.stream.sendData(frame);
  }

  /** Ends the call with OK. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.started) this.stream.sendEnd(['grpc-status', '0']);
    else
      this.stream.sendHeaders(
        [':status', '200', 'content-type', 'application/grpc', 'grpc-status', '0'],
        true,
      );
  }

  /** Ends the call with an error. */
  fail(error: ServiceError): void {
    if (this.ended) return;
    this.ended = true;
    if (this.started) this.stream.sendEnd(statusPairs(error));
    else sendRefusal(this.stream, error);
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    this.stream.release(chunk.length);
    if (this.ended) return;
    this.buffered = Buffer.concat([this.buffered, chunk]);
    this.guard(() => this.readMessages());
  }

  onEnd(): void {
    if (!this.ended) this.guard(() => this.handler?.onHalfClose());
  }

  onSent(bytes: number): void {
    this.unsentBytes -= bytes;
  }

  onReset(): void {
    this.ended = true;
  }

  onClosed(): void {
    this.ended = true;
    this.handler?.onClosed();
    this.handler = undefined;
  }

  private readMessages(): void {
    while (!this.ended && this.buffered.length >= prefixBytes) {
      const length = this.buffered.readUInt32BE(1);
      // Refused by its prefix, before anything of it is kept.
      if (length > messageBytesMax)
        throw limitReached('MESSAGE_TOO_LARGE', 'request message bytes', messageBytesMax);
      if (this.buffered[0] !== 0) return this.stream.reset(http2Code.protocolError);
      if (this.buffered.length < prefixBytes + length) return;
      const message = this.buffered.subarray(prefixBytes, prefixBytes + length);
      this.buffered = this.buffered.subarray(prefixBytes + length);
      this.handler?.onMessage(message);
    }
  }

  private guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(ServiceError.from(error));
    }
  }
}

/** Decodes a request. @throws ServiceError INVALID_ARGUMENT `MALFORMED_REQUEST` */
export function decodeRequest<Message>(
  codec: { decode(bytes: Uint8Array): Message },
  bytes: Uint8Array,
): Message {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new ServiceError({
      code: Code.invalidArgument,
      reason: 'MALFORMED_REQUEST',
      message: 'the request is not the message that this method takes',
      cause,
    });
  }
}
