import {
  type EngineStream,
  type HeaderPairs,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { PassingStream } from '../web/passing-stream';
import { type MirrorCall } from './mirror-call';
import { type Replay } from './replay';

/** A client's stream whose request goes to copies of the call, too, from when the call is first sent on. Everything passes unchanged. */
export class MirroredStream extends PassingStream implements StreamListener {
  private inside: StreamListener | undefined;
  private mirrors: readonly MirrorCall[] | undefined;
  private isOver = false;

  constructor(
    outside: EngineStream,
    private requestEnded: boolean,
    private readonly startMirrors: () => readonly MirrorCall[],
  ) {
    super(outside);
  }

  /** The call is sent to an instance. @param sent all of its request that has come so far */
  begin(sent: Replay | undefined): void {
    if (this.mirrors !== undefined || this.isOver) return;
    this.mirrors = this.startMirrors();
    for (const mirror of this.mirrors) {
      sent?.forEach((chunk) => mirror.push(chunk));
      if (this.requestEnded) mirror.finishRequest();
    }
  }

  // ---- from the inside ----

  override setListener(listener: StreamListener): void {
    this.inside = listener;
    this.outside.setListener(this);
  }

  override sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    super.sendHeaders(headers, endOfStream);
    if (endOfStream) this.onAnswered();
  }

  override sendEnd(trailers?: HeaderPairs): void {
    super.sendEnd(trailers);
    this.onAnswered();
  }

  override reset(code: number): void {
    super.reset(code);
    this.cancel();
  }

  // ---- from the outside ----

  onHeaders(): void {}

  onData(chunk: Uint8Array): void {
    for (const mirror of this.mirrors ?? []) mirror.push(chunk);
    this.inside?.onData(chunk);
  }

  onEnd(): void {
    this.requestEnded = true;
    for (const mirror of this.mirrors ?? []) mirror.finishRequest();
    this.inside?.onEnd(undefined);
  }

  onSent(bytes: number): void {
    this.inside?.onSent(bytes);
  }

  onReset(reset: StreamReset): void {
    this.cancel();
    this.inside?.onReset(reset);
  }

  onOverdue(): void {
    this.inside?.onOverdue?.();
  }

  onClosed(): void {
    this.cancel();
    this.inside?.onClosed();
  }

  private onAnswered(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const mirror of this.mirrors ?? []) mirror.onCallAnswered();
  }

  private cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const mirror of this.mirrors ?? []) mirror.cancel();
  }
}
