import { Code, ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  frameMessage,
  type HeaderPairs,
  headerValue,
  http2Code,
  MessageReader,
  type StreamListener,
} from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';
import { connectionTooOld, limitReached } from '../domain/refusal';
import { type MemoryBudget } from '../proxy/memory-budget';
import { recordOf } from '../proxy/call-record';
import { type OpenCall, type OpenCalls } from '../proxy/open-calls';
import { sendRefusal } from '../proxy/reply';

/** Largest request of the gateway's own services. */
const messageBytesMax = 64 * 1024;
/** With more than this unsent no further request is read: a client that does not read its answers gets no new ones. */
const unsentBytesHigh = 16 * 1024;
/** The same with an answer that was made below that: no answer may be larger. */
const unsentBytesMax = 4 * 1024 * 1024;

/** What one of the gateway's own methods does with a call. */
export interface LocalHandler {
  /** One request. @throws ServiceError to end the call with it */
  onMessage(message: Uint8Array): void;
  /** The client sends nothing more. */
  onHalfClose(): void;
  /** Answers have left, and the call is not {@link LocalCall.isCongested} any more. */
  onRoom?(): void;
  /** The call is over, however it ended. */
  onClosed(): void;
}

/** What calls share with those that are proxied. */
export interface LocalCallContext {
  readonly memory: MemoryBudget;
  readonly openCalls: OpenCalls;
}

/** A call of one of the gateway's own services (health, reflection): messages instead of bytes. */
export class LocalCall implements StreamListener, OpenCall {
  private handler: LocalHandler | undefined;
  private readonly reader = new MessageReader(messageBytesMax, () =>
    limitReached('MESSAGE_TOO_LARGE', 'request message bytes', messageBytesMax),
  );
  private started = false;
  private ended = false;
  private halfClosed = false;
  private unsentBytes = 0;
  /** Bytes of request data that the client has not been given credit for. */
  private unreleasedBytes = 0;
  /** What the budget has been told of this call. */
  private countedBytes = 0;

  constructor(
    private readonly stream: EngineStream,
    private readonly headers: HeaderPairs,
    private readonly context: LocalCallContext,
  ) {
    stream.setListener(this);
    context.openCalls.add(this);
  }

  /** Whether so much waits for the client that nothing should be added without need. */
  get isCongested(): boolean {
    return this.unsentBytes > unsentBytesHigh;
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
    const frame = frameMessage(message);
    if (this.unsentBytes + frame.length > unsentBytesMax)
      return this.fail(limitReached('MESSAGE_TOO_LARGE', 'unread response bytes', unsentBytesMax));
    this.unsentBytes += frame.length;
    this.count();
    this.stream.sendData(frame);
  }

  /** Ends the call with OK. */
  end(): void {
    if (!this.finish()) return;
    recordOf(this.stream)?.noteRefusal(0, '');
    if (this.started) this.stream.sendEnd(['grpc-status', '0']);
    else
      this.stream.sendHeaders(
        [':status', '200', 'content-type', 'application/grpc', 'grpc-status', '0'],
        true,
      );
  }

  /** Ends the call with an error. */
  fail(error: ServiceError): void {
    if (!this.finish()) return;
    recordOf(this.stream)?.noteRefusal(error.code, error.reason);
    if (this.started) this.stream.sendEnd(statusTrailers(error));
    else sendRefusal(this.stream, error);
  }

  stop(error: ServiceError): void {
    this.fail(error);
  }

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    if (this.ended) return this.stream.release(chunk.length);
    this.unreleasedBytes += chunk.length;
    this.reader.push(chunk);
    this.guard(() => this.readMessages());
    this.count();
  }

  onEnd(): void {
    this.halfClosed = true;
    this.guard(() => this.readMessages());
  }

  onSent(bytes: number): void {
    const wasCongested = this.isCongested;
    this.unsentBytes -= bytes;
    if (wasCongested && !this.isCongested)
      this.guard(() => {
        this.readMessages();
        if (!this.ended && !this.isCongested) this.handler?.onRoom?.();
      });
    this.count();
  }

  onReset(): void {
    this.finish();
  }

  onOverdue(): void {
    this.fail(connectionTooOld());
  }

  onClosed(): void {
    this.finish();
    this.unsentBytes = 0;
    this.count();
    this.handler?.onClosed();
    this.handler = undefined;
  }

  private readMessages(): void {
    while (!this.ended && !this.isCongested) {
      const message = this.nextMessage();
      if (message === undefined) break;
      this.handler?.onMessage(message);
    }
    if (this.ended || this.isCongested) return;
    this.releaseRequest();
    if (!this.halfClosed) return;
    this.halfClosed = false;
    this.handler?.onHalfClose();
  }

  private nextMessage(): Uint8Array | undefined {
    try {
      const message = this.reader.next();
      if (message?.compressed !== true) return message?.bytes;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    // Compressed although the headers have named no encoding, or no message at all.
    this.finish();
    this.stream.reset(http2Code.protocolError);
    return undefined;
  }

  /** Notes the end once. Returns false when it was noted before. */
  private finish(): boolean {
    if (this.ended) return false;
    this.ended = true;
    this.context.openCalls.remove(this);
    this.reader.discard();
    this.releaseRequest();
    this.count();
    return true;
  }

  private releaseRequest(): void {
    const bytes = this.unreleasedBytes;
    this.unreleasedBytes = 0;
    if (bytes > 0) this.stream.release(bytes);
  }

  /** Tells the budget what this call holds now. */
  private count(): void {
    const heldBytes = this.unsentBytes + this.reader.waitingBytes;
    this.context.memory.add(heldBytes - this.countedBytes);
    this.countedBytes = heldBytes;
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
