import { Code, cancelled, deadlineExceeded, ServiceError } from '@raftway/errors';
import {
  type CallFacts,
  type EngineStream,
  frameMessage,
  http2Code,
  type HeaderPairs,
  MessageReader,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import type { Deadline, Deadlines, Expirable } from '../deadlines';
import { acceptedEncodings, decompress } from './decompress';

/** With so much unsent a stream asks for no further message. */
const unsentBytesMax = 64 * 1024;

const responseHeaders: HeaderPairs = [
  ...[':status', '200', 'content-type', 'application/grpc+proto'],
  ...['grpc-accept-encoding', acceptedEncodings],
];

/** What is told of a call on its way. */
export interface GrpcStreamListener {
  /** There may be a message to take, or the end of the requests was reached. */
  onReadable(): void;
  /** Nobody waits for the answer any more: the caller cancelled, its deadline passed, or its connection ended. */
  onCancelled(reason: ServiceError): void;
}

/** What calls on one server share. */
export interface GrpcStreamContext {
  readonly receiveMessageBytesMax: number;
  readonly deadlines: Deadlines;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/**
 * One gRPC call on a stream of HTTP/2, seen from the server: messages in, messages out, one status (gRPC over HTTP/2).
 *
 * Requests are taken out of what has been received when somebody asks for them, and HTTP/2's window is given back only then, so that a
 * client cannot fill the memory of a server that is slower than it. What belongs to an incomplete message is given back at once: its size is bounded.
 */
export class GrpcStream implements StreamListener, Expirable {
  /** When the caller stops waiting, by the monotonic clock; undefined when it set no deadline. */
  readonly deadlineAtMs: number | undefined;
  private readonly reader: MessageReader;
  private listener: GrpcStreamListener | undefined;
  private deadline: Deadline | undefined;
  /** Received, and not given back to the client's window. */
  private owedBytes = 0;
  private unsentBytes = 0;
  private headersSent = false;
  private ended = false;
  private wakeWriter: (() => void) | undefined;

  constructor(
    private readonly stream: EngineStream,
    readonly headers: HeaderPairs,
    readonly facts: CallFacts,
    /** No further DATA will come. */
    private requestsEnded: boolean,
    /** `host:port` of the client. */
    readonly peer: string,
    private readonly context: GrpcStreamContext,
  ) {
    this.reader = new MessageReader(context.receiveMessageBytesMax, (bytes) =>
      this.tooLarge(bytes),
    );
    if (facts.timeoutMs !== undefined) {
      this.deadlineAtMs = context.nowMs() + facts.timeoutMs;
      this.deadline = context.deadlines.add(this, this.deadlineAtMs);
    }
    stream.setListener(this);
  }

  setListener(listener: GrpcStreamListener): void {
    this.listener = listener;
  }

  // ---- requests ----

  /** Whether all requests have been received; some may still wait to be taken. */
  get isHalfClosed(): boolean {
    return this.requestsEnded;
  }

  /**
   * The next request's bytes, to be decoded at once; undefined when none is complete.
   *
   * @throws ServiceError for what is no message, or one that is too large.
   */
  take(): Buffer | undefined {
    const message = this.nextMessage();
    this.giveBack();
    if (message !== undefined) return message;
    if (this.requestsEnded && this.reader.waitingBytes > 0)
      throw malformed('the requests end within a message');
    return undefined;
  }

  private nextMessage(): Buffer | undefined {
    let message;
    try {
      message = this.reader.next();
    } catch (error) {
      throw error instanceof RangeError ? malformed(error.message) : error;
    }
    if (message?.compressed !== true) return message?.bytes;
    const { receiveMessageBytesMax } = this.context;
    return decompress(message.bytes, this.facts.encoding, receiveMessageBytesMax, () =>
      this.tooLarge(receiveMessageBytesMax + 1),
    );
  }

  /** All but complete messages that wait; of those that are incomplete the rest is needed. */
  private giveBack(): void {
    const bytes = this.owedBytes - (this.reader.hasNext ? this.reader.waitingBytes : 0);
    if (bytes <= 0) return;
    this.owedBytes -= bytes;
    this.stream.release(bytes);
  }

  private tooLarge(bytes: number): ServiceError {
    const limit = this.context.receiveMessageBytesMax;
    return new ServiceError({
      code: Code.resourceExhausted,
      reason: 'MESSAGE_TOO_LARGE',
      message: `received a message larger than max (${bytes} vs ${limit})`,
      metadata: { limit: String(limit), size: String(bytes) },
    });
  }

  // ---- answers ----

  /** Sends the headers, once; messages do so themselves. @param more metadata of the handler's */
  sendHeaders(more: HeaderPairs = []): void {
    if (this.headersSent || this.ended) return;
    this.headersSent = true;
    const headers = more.length === 0 ? responseHeaders : [...responseHeaders, ...more];
    this.stream.sendHeaders(headers, false);
  }

  /** Sends a message. Returns false when the next one should wait for {@link room}. */
  send(message: Uint8Array): boolean {
    if (this.ended) return false;
    this.sendHeaders();
    const frame = frameMessage(message);
    this.unsentBytes += frame.length;
    this.stream.sendData(frame);
    return this.unsentBytes <= unsentBytesMax;
  }

  /** Resolves when more may be sent, or never will be. */
  room(): Promise<void> {
    if (this.ended || this.unsentBytes <= unsentBytesMax) return Promise.resolve();
    return new Promise((resolve) => (this.wakeWriter = resolve));
  }

  /** Ends the call. @param trailers its status first */
  end(trailers: HeaderPairs): void {
    if (this.ended) return;
    this.finish();
    if (this.headersSent) this.stream.sendEnd(trailers);
    else this.stream.sendHeaders([...responseHeaders, ...trailers], true);
  }

  /** Ends the call as one that was never looked at, unless something was answered. Returns whether that was still possible. */
  handBack(): boolean {
    if (this.ended || this.headersSent) return false;
    this.finish();
    this.stream.reset(http2Code.refusedStream);
    return true;
  }

  // ---- from the connection ----

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    if (this.ended) return this.stream.release(chunk.length);
    this.owedBytes += chunk.length;
    this.reader.push(chunk);
    this.giveBack();
    this.listener?.onReadable();
  }

  onEnd(): void {
    this.requestsEnded = true;
    if (!this.ended) this.listener?.onReadable();
  }

  onSent(bytes: number): void {
    this.unsentBytes -= bytes;
    if (this.unsentBytes <= unsentBytesMax) this.wake();
  }

  onReset(reset: StreamReset): void {
    this.giveUp(reset.connectionLost ? callerLost() : cancelled('the caller cancelled the call'));
  }

  onClosed(): void {
    this.giveUp(callerLost());
    this.wake();
  }

  onDeadline(): void {
    this.deadline = undefined;
    if (!this.ended) this.listener?.onCancelled(deadlineExceeded('the deadline passed'));
  }

  private giveUp(why: ServiceError): void {
    if (this.ended) return;
    this.finish();
    this.listener?.onCancelled(why);
  }

  private finish(): void {
    this.ended = true;
    this.context.deadlines.remove(this.deadline);
    this.deadline = undefined;
    if (this.owedBytes > 0) this.stream.release(this.owedBytes);
    this.owedBytes = 0;
    this.wake();
  }

  private wake(): void {
    this.wakeWriter?.();
    this.wakeWriter = undefined;
  }
}

function callerLost(): ServiceError {
  return new ServiceError({
    code: Code.cancelled,
    reason: 'CALLER_LOST',
    message: 'the connection ended',
  });
}

function malformed(why: string): ServiceError {
  return new ServiceError({
    code: Code.invalidArgument,
    reason: 'MALFORMED_REQUEST',
    message: `the request is no sequence of gRPC messages: ${why}`,
  });
}
