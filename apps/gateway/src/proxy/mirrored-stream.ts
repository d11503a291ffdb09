import { type EngineStream, type HeaderPairs, type StreamReset } from '@raftway/http2';
import { HearingStream } from '../web/passing-stream';
import { type MirrorCall } from './mirror-call';
import { type Replay } from './replay';

/** A client's stream whose request goes to copies of the call, too, from when the call is first sent on. Everything passes unchanged. */
export class MirroredStream extends HearingStream {
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

  override onData(chunk: Uint8Array): void {
    for (const mirror of this.mirrors ?? []) mirror.push(chunk);
    super.onData(chunk);
  }

  override onEnd(trailers?: HeaderPairs): void {
    this.requestEnded = true;
    for (const mirror of this.mirrors ?? []) mirror.finishRequest();
    super.onEnd(trailers);
  }

  override onReset(reset: StreamReset): void {
    this.cancel();
    super.onReset(reset);
  }

  override onClosed(): void {
    this.cancel();
    super.onClosed();
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
