import { type Http2Stream } from 'node:http2';
import {
  type EngineStream,
  type HeaderPairs,
  type StreamListener,
  type StreamReset,
} from '../engine';
import { http2Code, http2CodeName } from '../../domain/http2-codes';

/** Data frames of one stream that may be held at once: bounds the memory that one-byte frames cost beside their bytes. */
const heldChunksMax = 1024;

/** What a stream asks of the connection that it is on. */
export interface StreamOwner {
  /** Whether the connection (not only this stream) is broken. */
  isLost(): boolean;
  /** Whether a GOAWAY said that this stream was never looked at. */
  isBeyondGoaway(streamId: number | undefined): boolean;
  /** The stream is closed in every respect. */
  streamClosed(): void;
}

/**
 * What both sides' streams have in common: data with credit in, data with reports of what has left out, and one last
 * event however the stream ends.
 */
export abstract class NodeStream<S extends Http2Stream> implements EngineStream {
  protected listener: StreamListener | undefined;
  protected trailers: HeaderPairs | undefined;
  /** We have sent the end of our direction, or have reset the stream. */
  protected localEnded = false;
  protected remoteEnded = false;
  private resetByUs = false;
  private heldBytes = 0;
  private heldChunks = 0;
  private paused = false;
  private unsentBytes = 0;
  private failure: Error | undefined;

  constructor(
    protected readonly stream: S,
    protected readonly owner: StreamOwner,
    private readonly heldBytesMax: number,
  ) {
    stream.on('error', this.onError);
    stream.on('close', this.onClose);
  }

  setListener(listener: StreamListener): void {
    this.listener = listener;
  }

  abstract sendHeaders(headers: HeaderPairs, endOfStream: boolean): void;
  abstract sendEnd(trailers?: HeaderPairs): void;

  sendData(chunk: Uint8Array): void {
    if (this.localEnded || this.stream.destroyed) return;
    this.unsentBytes += chunk.length;
    this.stream.write(chunk, this.onWritten);
  }

  release(bytes: number): void {
    this.heldBytes -= bytes;
    if (this.heldBytes <= 0) this.heldChunks = 0;
    if (!this.paused) return;
    const bytesLow = this.heldBytes <= this.heldBytesMax / 2;
    if (bytesLow && this.heldChunks < heldChunksMax) {
      this.paused = false;
      this.stream.resume();
    }
  }

  reset(code: number): void {
    if (this.resetByUs) return;
    this.resetByUs = true;
    this.localEnded = true;
    if (!this.stream.destroyed) this.stream.close(code);
  }

  protected startReading(): void {
    this.stream.on('data', this.onData);
    this.stream.on('end', this.onEnd);
    this.stream.on('trailers', this.onTrailers);
  }

  /** Reads on and drops what comes, so that the peer's end is seen. */
  protected discardRest(): void {
    this.paused = false;
    this.stream.resume();
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.resetByUs || chunk.length === 0) return;
    this.heldBytes += chunk.length;
    this.heldChunks += 1;
    if (this.heldBytes >= this.heldBytesMax || this.heldChunks >= heldChunksMax) {
      this.paused = true;
      this.stream.pause();
    }
    this.listener?.onData(chunk);
  };

  private readonly onTrailers = (_headers: unknown, _flags: number, raw?: string[]): void => {
    // They arrive before the data in front of them has been read: kept until the end.
    this.trailers = raw;
  };

  private readonly onEnd = (): void => {
    // node:http2 ends a stream that was reset, too; then this is no end of the peer's.
    if (this.remoteEnded || this.resetByUs || this.stream.rstCode !== http2Code.noError) return;
    if (this.owner.isLost() && this.trailers === undefined && this.stream.aborted) return;
    this.remoteEnded = true;
    this.listener?.onEnd(this.trailers);
  };

  private readonly onWritten = (): void => {
    const waiting = this.stream.writableLength;
    const sent = this.unsentBytes - waiting;
    if (sent <= 0) return;
    this.unsentBytes = waiting;
    if (!this.resetByUs) this.listener?.onSent(sent);
  };

  private readonly onError = (error: Error): void => {
    this.failure = error;
  };

  private readonly onClose = (): void => {
    const listener = this.listener;
    const clean = this.remoteEnded && this.localEnded && this.stream.rstCode === http2Code.noError;
    if (!clean && !this.resetByUs) listener?.onReset(this.describeReset());
    listener?.onClosed();
    this.listener = undefined;
    this.owner.streamClosed();
  };

  private describeReset(): StreamReset {
    const code = this.stream.rstCode;
    const beyondGoaway = this.owner.isBeyondGoaway(this.stream.id);
    const connectionLost = this.owner.isLost() && code !== http2Code.refusedStream;
    const failure = this.failure as { code?: string } | undefined;
    return {
      code,
      unprocessed: beyondGoaway || code === http2Code.refusedStream,
      connectionLost,
      detail: connectionLost ? (failure?.code ?? 'closed') : http2CodeName(code),
    };
  }
}
