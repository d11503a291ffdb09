import { type ServiceError } from '@raftway/errors';
import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  isGrpcContentType,
} from '@raftway/http2';
import { statusTrailers } from '@raftway/service-kit';
import { Base64Decoder } from '../domain/base64-stream';
import { trailersMessage, webHeadersOfGrpc } from '../domain/grpc-web';
import { headersWhere } from '../domain/header-rules';
import { bodyMalformed } from '../domain/refusal';
import { CreditRatio } from './credit-ratio';
import { DressedStream } from './dressed-stream';

/** How one call's bodies are written. */
export interface GrpcWebForm {
  readonly requestIsText: boolean;
  readonly responseIsText: boolean;
  /** Of the request's content type, such as `+proto`: what an error of the gateway's own is labelled with. */
  readonly suffix: string;
}

/** A gRPC call in the clothes of gRPC-Web: the same messages, in base64 in text mode, and trailers as the last one. */
export class GrpcWebStream extends DressedStream {
  private readonly decoder: Base64Decoder | undefined;
  private readonly received = new CreditRatio();
  private readonly sent = new CreditRatio();
  private started = false;
  /** Whether the response is gRPC's; another server's error page passes as it is. */
  private isGrpc = true;

  constructor(
    outside: EngineStream,
    private readonly form: GrpcWebForm,
  ) {
    super(outside);
    if (form.requestIsText) this.decoder = new Base64Decoder();
  }

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    this.started = true;
    this.isGrpc = isGrpcContentType(headerValue(headers, 'content-type') ?? '');
    if (!this.isGrpc || !endOfStream || headerValue(headers, 'grpc-status') === undefined) {
      this.outside.sendHeaders(webHeadersOfGrpc(headers, this.form.responseIsText), endOfStream);
      return;
    }
    // Trailers only. In the body they can be read by every client, whatever CORS lets a page see; but for cookies, which are the browser's.
    const contentType = headerValue(headers, 'content-type') ?? '';
    const cookies = headersWhere(headers, (name) => name === 'set-cookie');
    this.outside.sendHeaders(
      webHeadersOfGrpc(
        [':status', '200', 'content-type', contentType, ...cookies],
        this.form.responseIsText,
      ),
      false,
    );
    this.sendTrailers(
      headersWhere(headers, (name) => name !== 'content-type' && name !== 'set-cookie'),
    );
  }

  override sendData(chunk: Uint8Array): void {
    const written = this.isGrpc ? this.written(chunk) : chunk;
    this.sent.add(chunk.length, written.length);
    this.outside.sendData(written);
  }

  override sendEnd(trailers?: HeaderPairs): void {
    if (this.isGrpc && trailers !== undefined) this.sendTrailers(trailers);
    else this.outside.sendEnd();
  }

  override release(bytes: number): void {
    this.outside.release(this.received.take(bytes));
  }

  override onData(chunk: Uint8Array): void {
    const bytes = this.decoder === undefined ? chunk : this.decoder.decode(chunk);
    if (this.inside === undefined || bytes === undefined) {
      this.outside.release(chunk.length);
      if (bytes === undefined) this.fail(bodyMalformed('base64'));
      return;
    }
    this.received.add(chunk.length, bytes.length);
    if (bytes.length > 0) this.inside.onData(bytes);
  }

  override onEnd(): void {
    if (this.decoder?.isIncomplete === true) this.fail(bodyMalformed('base64'));
    else super.onEnd();
  }

  override onSent(bytes: number): void {
    const share = this.sent.take(bytes);
    if (share > 0) super.onSent(share);
  }

  protected refuse(error: ServiceError): void {
    if (!this.started)
      this.sendHeaders(
        [':status', '200', 'content-type', `application/grpc${this.form.suffix}`],
        false,
      );
    this.sendTrailers(statusTrailers(error));
  }

  private sendTrailers(trailers: HeaderPairs): void {
    this.outside.sendData(this.written(trailersMessage(trailers)));
    this.outside.sendEnd();
  }

  private written(bytes: Uint8Array): Uint8Array {
    if (!this.form.responseIsText) return bytes;
    const { buffer, byteOffset, byteLength } = bytes;
    return Buffer.from(Buffer.from(buffer, byteOffset, byteLength).toString('base64'), 'latin1');
  }
}
