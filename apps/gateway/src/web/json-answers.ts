import { type EngineStream, type HeaderPairs, http2Code } from '@raftway/http2';
import {
  answersRaw,
  buildAnswer,
  type GrpcStatus,
  type HttpAnswer,
  type JsonWriteSettings,
  type StreamFormat,
  statusJson,
} from '@raftway/transcoding';
import { metadataOf } from '../domain/connect-protocol';
import { type JsonRoute } from '../domain/json-routes';
import { responseNotUnary } from '../domain/refusal';
import { JsonStream, type JsonStreamSettings } from './json-stream';

/** A call that is answered by one message. Trailers become headers, as nothing has been sent before they are known. */
export class JsonUnaryStream extends JsonStream {
  private response: HttpAnswer | undefined;

  constructor(
    outside: EngineStream,
    settings: JsonStreamSettings,
    private readonly route: JsonRoute,
    private readonly json: JsonWriteSettings,
  ) {
    super(outside, settings);
  }

  protected onLeading(): void {}

  protected onMessage(message: Uint8Array): void {
    if (this.response !== undefined) throw responseNotUnary('several messages');
    const { binding, types } = this.route;
    this.response = buildAnswer(binding, message, { ...this.json, registry: types });
  }

  protected onComplete(trailers: HeaderPairs): void {
    if (this.response === undefined) throw responseNotUnary('no message');
    const { contentType, body } = this.response;
    this.answer(200, ['content-type', contentType, ...this.metadata(trailers)], body);
  }

  protected failStarted(): boolean {
    return false;
  }
}

/** A call that is answered by a stream: an array, lines or events, or bytes as they are. */
export class JsonStreamingStream extends JsonStream {
  private isStarted = false;
  private isEmpty = true;
  private readonly isRaw: boolean;

  constructor(
    outside: EngineStream,
    settings: JsonStreamSettings,
    private readonly route: JsonRoute,
    private readonly json: JsonWriteSettings,
    private readonly format: StreamFormat,
  ) {
    super(outside, settings);
    this.isRaw = answersRaw(route.binding);
  }

  protected onLeading(): void {
    // The media type of bytes is that of the first message.
    if (!this.isRaw) this.begin(this.format.contentType);
  }

  protected onMessage(message: Uint8Array): void {
    const { binding, types } = this.route;
    const { contentType, body } = buildAnswer(binding, message, { ...this.json, registry: types });
    this.begin(contentType);
    if (this.isRaw) this.write(body);
    else this.write(Buffer.from(this.format.message(Buffer.from(body).toString(), this.isEmpty)));
    this.isEmpty = false;
  }

  protected onComplete(): void {
    this.begin('application/octet-stream');
    if (!this.isRaw) this.write(Buffer.from(this.format.end(this.isEmpty)));
    this.outside.sendEnd();
  }

  protected failStarted(status: GrpcStatus): boolean {
    if (!this.isStarted) return false;
    if (this.isRaw) {
      // Nothing else would tell half of the bytes from all of them.
      this.outside.reset(http2Code.internalError);
      return true;
    }
    const json = statusJson(status, this.detailTypes);
    this.write(Buffer.from(this.format.failure(json, this.isEmpty)));
    this.outside.sendEnd();
    return true;
  }

  private begin(contentType: string): void {
    if (this.isStarted) return;
    this.isStarted = true;
    const headers = [':status', '200', 'content-type', contentType, ...metadataOf(this.leading)];
    // What is still to come must not be kept by a cache.
    this.outside.sendHeaders([...headers, 'cache-control', 'no-cache'], false);
  }
}
