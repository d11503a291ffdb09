import { Code, ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  frameMessage,
  type HeaderPairs,
  headerValue,
  MessageReader,
} from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';
import {
  errorOf,
  grpcHeaders,
  metadataOf,
  trailerHeaders,
  unaryType,
} from '../domain/connect-protocol';
import { httpStatusOf } from '@raftway/transcoding';
import { type MessageLimit } from '../domain/documents';
import { limitReached, responseNotUnary, upstreamNotGrpc } from '../domain/refusal';
import { statusOf } from '../domain/status-mapping';
import { type MemoryBudget } from '../proxy/memory-budget';
import { sendHttpResponse } from '../proxy/reply';
import { DressedStream, responseFault } from './dressed-stream';
import { WholeBody } from './whole-body';

/** How messages are held. */
export interface UnaryLimits {
  readonly memory: MemoryBudget;
  /** Of request and response messages, as they are on the wire. */
  readonly limit: MessageLimit;
}

/**
 * A gRPC call in the clothes of a unary call of the Connect protocol: bare messages as bodies, the status as HTTP's. Both messages are held whole, since
 * gRPC's begin with their length, and the HTTP status is the first thing that is sent and the last that is known.
 */
export class ConnectUnaryStream extends DressedStream {
  private readonly request = new WholeBody();
  private readonly reader: MessageReader;
  private leading: HeaderPairs = [];
  private response: { readonly compressed: boolean; readonly bytes: Buffer } | undefined;
  private heldBytes = 0;
  private isDelivered = false;
  private isAnswered = false;

  /** @param isCompressed whether the request is, as its headers say */
  constructor(
    outside: EngineStream,
    private readonly limits: UnaryLimits,
    private readonly isCompressed: boolean,
  ) {
    super(outside);
    this.reader = new MessageReader(limits.limit.bytesMax, () => this.tooLarge('response'));
  }

  /** Hands the request in, once; by itself it is the body. */
  deliver(message: Uint8Array): void {
    if (this.isDelivered) return;
    this.isDelivered = true;
    const frame = frameMessage(message);
    // Nothing is nothing in every encoding, and some decoders want more than that.
    if (this.isCompressed && message.length > 0) frame[0] = 1;
    this.inside?.onData(frame);
    this.inside?.onEnd(undefined);
  }

  // ---- from the inside ----

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    const fault = responseFault(headers, endOfStream);
    if (fault !== undefined) return this.fail(fault);
    this.leading = headers;
    // They are all that there is, and headers in every protocol.
    if (endOfStream) this.finish(grpcHeaders(headers));
  }

  override sendData(chunk: Uint8Array): void {
    this.hold(chunk.length);
    this.reader.push(chunk);
    // The inside hears of it after its call, as of any stream.
    queueMicrotask(() => this.inside?.onSent(chunk.length));
    try {
      if (this.response === undefined) this.response = this.reader.next();
      if (this.response !== undefined && this.reader.waitingBytes > 0)
        this.fail(responseNotUnary('several messages'));
    } catch (error) {
      this.fail(
        error instanceof RangeError
          ? upstreamNotGrpc(Code.internal, '200')
          : ServiceError.from(error),
      );
    }
  }

  override sendEnd(trailers: HeaderPairs = []): void {
    this.finish(trailers);
  }

  /** The client has been given its credit when the bytes came. */
  override release(): void {}

  // ---- from the outside ----

  override onData(chunk: Uint8Array): void {
    this.outside.release(chunk.length);
    if (this.inside === undefined || this.isDelivered || this.isAnswered) return;
    const { memory, limit } = this.limits;
    if (this.request.byteLength + chunk.length > limit.bytesMax)
      return this.fail(this.tooLarge('request'));
    if (memory.isExhausted)
      return this.fail(limitReached('GATEWAY_MEMORY_FULL', 'buffered bytes', memory.bytesMax));
    this.hold(chunk.length);
    this.request.push(chunk);
  }

  override onEnd(): void {
    this.hold(-this.request.byteLength);
    this.deliver(this.request.take());
  }

  override onSent(bytes: number): void {
    this.hold(-Math.min(bytes, this.heldBytes));
  }

  override onClosed(): void {
    this.hold(-this.heldBytes);
    super.onClosed();
  }

  protected refuse(error: ServiceError): void {
    this.sendError(statusTrailers(error));
  }

  // ---- inside ----

  private finish(trailers: HeaderPairs): void {
    const { response } = this;
    if (statusOf(trailers) !== 0) return this.sendError(trailers);
    if (response === undefined) return this.refuse(responseNotUnary('no message'));
    const encoding = headerValue(this.leading, 'grpc-encoding');
    const headers = ['content-type', unaryType];
    if (response.compressed && encoding !== undefined) headers.push('content-encoding', encoding);
    headers.push(...metadataOf(this.leading), ...trailerHeaders(trailers));
    this.answer(200, headers, response.bytes);
  }

  private sendError(trailers: HeaderPairs): void {
    const error = errorOf(trailers);
    const code = statusOf(trailers);
    const status = code === 0 ? 500 : httpStatusOf(code);
    const headers = ['content-type', 'application/json', ...metadataOf(this.leading)];
    headers.push(...trailerHeaders(trailers));
    this.answer(status, headers, Buffer.from(JSON.stringify(error)));
  }

  private answer(status: number, headers: HeaderPairs, body: Uint8Array): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    sendHttpResponse(this.outside, status, headers, body);
  }

  private tooLarge(which: 'request' | 'response'): ServiceError {
    const { bytesMax, owner } = this.limits.limit;
    return limitReached('MESSAGE_TOO_LARGE', `${which} message bytes`, bytesMax, owner);
  }

  private hold(bytes: number): void {
    this.heldBytes += bytes;
    this.limits.memory.add(bytes);
  }
}
