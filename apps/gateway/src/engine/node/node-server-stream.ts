import { type ServerHttp2Stream, type ServerStreamResponseOptions } from 'node:http2';
import { type HeaderPairs } from '../engine';
import { http2Code } from '../../domain/http2-codes';
import { headerObject } from './header-object';
import { NodeStream, type StreamOwner } from './node-stream';

/** How long a client may go on sending after the complete response before it is told to stop, in milliseconds. */
const lateDataGraceMs = 1000;

// `sendDate` is missing from the published types. Without it node:http2 adds a `date` header that the backend did not send.
const headersOnly = { endStream: true, sendDate: false } as ServerStreamResponseOptions;
const headersFirst = { waitForTrailers: true, sendDate: false } as ServerStreamResponseOptions;

/** A stream that a client opened. */
export class NodeServerStream extends NodeStream<ServerHttp2Stream> {
  private responseTrailers: HeaderPairs | undefined;
  private headersSent = false;

  constructor(
    stream: ServerHttp2Stream,
    owner: StreamOwner,
    heldBytesMax: number,
    requestEnded: boolean,
  ) {
    super(stream, owner, heldBytesMax);
    this.remoteEnded = requestEnded;
    if (requestEnded) this.discardRest();
    else this.startReading();
  }

  sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (this.localEnded || this.headersSent || this.stream.destroyed) return;
    this.headersSent = true;
    if (!endOfStream) {
      this.stream.on('wantTrailers', this.onWantTrailers);
      this.stream.respond(headers, headersFirst);
      return;
    }
    this.localEnded = true;
    this.stream.respond(headers, headersOnly);
    this.endRequest();
  }

  sendEnd(trailers?: HeaderPairs): void {
    if (this.localEnded || !this.headersSent || this.stream.destroyed) return;
    this.localEnded = true;
    this.responseTrailers = trailers;
    this.stream.end();
  }

  private readonly onWantTrailers = (): void => {
    if (this.stream.destroyed || this.stream.closed) return;
    this.stream.sendTrailers(headerObject(this.responseTrailers ?? []));
    this.endRequest();
  };

  /**
   * The response is complete. A client that is still sending is asked to stop with RST_STREAM(NO_ERROR) (RFC 9113
   * §8.1), after a grace in which its own end usually comes.
   */
  private endRequest(): void {
    if (this.remoteEnded) return;
    this.discardRest();
    setTimeout(() => {
      if (!this.stream.destroyed) this.stream.close(http2Code.noError);
    }, lateDataGraceMs).unref();
  }
}
