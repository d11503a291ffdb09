import { type Registry } from '@bufbuild/protobuf';
import { ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs, MessageReader } from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';
import { type GrpcStatus, httpStatusOf } from '@raftway/transcoding';
import { grpcHeaders, metadataOf, trailerHeaders } from '../domain/connect-protocol';
import { type MessageLimit } from '../domain/documents';
import { errorBody } from '../domain/json-protocol';
import { limitReached, responseMalformed } from '../domain/refusal';
import { grpcStatusOf, statusOf } from '../domain/status-mapping';
import { type MemoryBudget } from '../proxy/memory-budget';
import { sendHttpResponse } from '../proxy/reply';
import { DressedStream, responseFault } from './dressed-stream';
import { type JsonRequestBody } from './json-request';

/** With more than this on its way, in either direction, no more is asked for. */
const underwayBytesHigh = 16 * 1024;

/** What a {@link JsonStream} is made of. */
export interface JsonStreamSettings {
  readonly body: JsonRequestBody;
  /** Whether the instance is called before the body is complete. */
  readonly isStreamingRequest: boolean;
  readonly memory: MemoryBudget;
  /** Of messages of either direction. */
  readonly limit: MessageLimit;
  /** Where the types of error details are found. */
  readonly detailTypes: readonly Registry[];
  /** Whether errors and trailers are written as the Connect protocol has them. */
  readonly isConnect: boolean;
  /** Gives the stream to the dispatcher. */
  readonly dispatch: (stream: EngineStream) => void;
  /** Notes a request that is refused before it is dispatched. */
  readonly onRefused: (error: ServiceError, stream: EngineStream) => void;
}

/**
 * A gRPC call in the clothes of HTTP and JSON. This half turns bodies into messages, and statuses into errors; what answers look like is a
 * subclass's.
 *
 * A call with one request message is dispatched when its body is complete and sound: what is wrong with it costs no instance anything.
 */
export abstract class JsonStream extends DressedStream {
  protected leading: HeaderPairs = [];
  private readonly reader: MessageReader;
  private isDispatched = false;
  private isBodyComplete = false;
  private isOver = false;
  /** Request messages that the inside has not released, and body bytes that the client has not been given credit for. */
  private undeliveredBytes = 0;
  private unreleasedBytes = 0;
  /** Answer bytes that have not left, and bytes of the inside that it does not know of having left. */
  private unsentBytes = 0;
  private unreportedBytes = 0;
  /** What the budget has been told of this call. */
  private countedBytes = 0;

  constructor(
    outside: EngineStream,
    private readonly settings: JsonStreamSettings,
  ) {
    super(outside);
    const { bytesMax, owner } = settings.limit;
    this.reader = new MessageReader(bytesMax, () =>
      limitReached('MESSAGE_TOO_LARGE', 'response message bytes', bytesMax, owner),
    );
  }

  /** Begins, once. @param requestEnded whether there is no body */
  start(requestEnded: boolean): void {
    if (this.settings.isStreamingRequest) this.dispatch();
    if (requestEnded) this.onEnd();
  }

  // ---- from the inside ----

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (this.isOver) return;
    const fault = responseFault(headers, endOfStream);
    if (fault !== undefined) return this.fail(fault);
    this.leading = headers;
    // They are all that there is, and headers in every protocol.
    if (endOfStream) return this.finish(grpcHeaders(headers));
    this.onLeading();
  }

  override sendData(chunk: Uint8Array): void {
    if (this.isOver) return;
    this.unreportedBytes += chunk.length;
    this.reader.push(chunk);
    this.guard(() => this.readMessages());
    this.count();
    // The inside hears of it after its call, as of any stream.
    queueMicrotask(() => this.report());
  }

  override sendEnd(trailers: HeaderPairs = []): void {
    if (this.isOver) return;
    if (this.reader.waitingBytes > 0) this.fail(responseMalformed('half a message'));
    else this.finish(trailers);
  }

  override release(bytes: number): void {
    this.undeliveredBytes -= bytes;
    this.giveCredit();
  }

  // ---- from the outside ----

  override onData(chunk: Uint8Array): void {
    if (this.isOver) return this.outside.release(chunk.length);
    this.unreleasedBytes += chunk.length;
    const { memory } = this.settings;
    this.guard(() => {
      if (memory.isExhausted)
        throw limitReached('GATEWAY_MEMORY_FULL', 'buffered bytes', memory.bytesMax);
      this.deliver(this.settings.body.push(chunk));
    });
    this.count();
    this.giveCredit();
  }

  override onEnd(): void {
    if (this.isOver || this.isBodyComplete) return;
    this.isBodyComplete = true;
    this.guard(() => {
      const frames = this.settings.body.end();
      this.dispatch();
      this.deliver(frames);
      this.inside?.onEnd(undefined);
    });
    this.count();
  }

  override onSent(bytes: number): void {
    this.unsentBytes -= Math.min(bytes, this.unsentBytes);
    this.count();
    this.report();
  }

  override onClosed(): void {
    this.isOver = true;
    this.unsentBytes = 0;
    this.reader.discard();
    this.settings.memory.add(-this.countedBytes);
    this.countedBytes = 0;
    super.onClosed();
  }

  // ---- for subclasses ----

  /** Headers have come, and messages will. */
  protected abstract onLeading(): void;
  /** One message. @throws ServiceError to end the call with it */
  protected abstract onMessage(message: Uint8Array): void;
  /** All messages have come, and the status is OK. */
  protected abstract onComplete(trailers: HeaderPairs): void;
  /** Tells of an error after the answer has begun; false when it has not. */
  protected abstract failStarted(status: GrpcStatus): boolean;

  /** Sends a part of the answer. */
  protected write(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.unsentBytes += bytes.length;
    this.outside.sendData(bytes);
  }

  /** Sends all of the answer. */
  protected answer(status: number, headers: HeaderPairs, body: Uint8Array): void {
    this.unsentBytes += body.length;
    sendHttpResponse(this.outside, status, headers, body);
  }

  protected refuse(error: ServiceError): void {
    this.sendStatus(statusTrailers(error));
  }

  /** What the instance's headers and trailers say beside the status, as headers. */
  protected metadata(trailers: HeaderPairs): string[] {
    const trailing = this.settings.isConnect ? trailerHeaders(trailers) : metadataOf(trailers);
    return [...metadataOf(this.leading), ...trailing];
  }

  protected get detailTypes(): readonly Registry[] {
    return this.settings.detailTypes;
  }

  // ---- inside ----

  private dispatch(): void {
    if (this.isDispatched) return;
    this.isDispatched = true;
    this.settings.dispatch(this);
  }

  private deliver(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      this.undeliveredBytes += frame.length;
      this.inside?.onData(frame);
    }
  }

  private giveCredit(): void {
    if (this.undeliveredBytes > underwayBytesHigh || this.unreleasedBytes === 0) return;
    const bytes = this.unreleasedBytes;
    this.unreleasedBytes = 0;
    this.outside.release(bytes);
  }

  private report(): void {
    if (this.unsentBytes > underwayBytesHigh || this.unreportedBytes === 0) return;
    const bytes = this.unreportedBytes;
    this.unreportedBytes = 0;
    this.inside?.onSent(bytes);
  }

  private readMessages(): void {
    while (!this.isOver) {
      const message = this.nextMessage();
      if (message === undefined) return;
      if (message.compressed) throw responseMalformed('a compressed message that nobody asked for');
      this.onMessage(message.bytes);
    }
  }

  private nextMessage() {
    try {
      return this.reader.next();
    } catch (error) {
      throw error instanceof RangeError ? responseMalformed('what is no gRPC message') : error;
    }
  }

  private finish(trailers: HeaderPairs): void {
    if (statusOf(trailers) === 0) this.guard(() => this.onComplete(trailers));
    else this.sendStatus(trailers);
    this.isOver = true;
    this.count();
  }

  private sendStatus(trailers: HeaderPairs): void {
    if (this.isOver) return;
    this.isOver = true;
    const status = grpcStatusOf(trailers);
    if (this.failStarted(status)) return;
    const body = errorBody(trailers, this.settings.isConnect, this.detailTypes);
    const headers = ['content-type', 'application/json', ...this.metadata(trailers)];
    this.answer(httpStatusOf(status.code), headers, body);
  }

  /** An error before the call was dispatched is the client's; later, the instance is told that nobody waits any more. */
  private guard(action: () => void): void {
    try {
      action();
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      if (this.isDispatched) return this.fail(error);
      this.settings.onRefused(error, this);
      this.refuse(error);
    }
  }

  /** Tells the budget what this call holds now. */
  private count(): void {
    const heldBytes = this.settings.body.waitingBytes + this.reader.waitingBytes + this.unsentBytes;
    this.settings.memory.add(heldBytes - this.countedBytes);
    this.countedBytes = heldBytes;
  }
}
