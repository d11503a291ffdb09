import { type ClientHttp2Stream } from 'node:http2';
import { type StreamListener } from '../engine';
import { NodeStream, type StreamOwner } from './node-stream';

/** NGHTTP2_FLAG_END_STREAM. */
const endStreamFlag = 1;

/** A stream that we opened. */
export class NodeClientStream extends NodeStream<ClientHttp2Stream> {
  constructor(
    stream: ClientHttp2Stream,
    owner: StreamOwner,
    heldBytesMax: number,
    requestEnded: boolean,
    listener: StreamListener,
  ) {
    super(stream, owner, heldBytesMax);
    this.localEnded = requestEnded;
    this.listener = listener;
    stream.on('response', this.onResponse);
    this.startReading();
  }

  sendHeaders(): void {
    throw new Error('a client stream has its headers from the start');
  }

  /** Trailers of requests do not exist in gRPC and are not sent. */
  sendEnd(): void {
    if (this.localEnded || this.stream.destroyed) return;
    this.localEnded = true;
    this.stream.end();
  }

  private readonly onResponse = (_headers: unknown, flags: number, raw?: string[]): void => {
    const endOfStream = (flags & endStreamFlag) !== 0;
    if (endOfStream) this.remoteEnded = true;
    this.listener?.onHeaders(raw ?? [], endOfStream);
  };
}
