import { ConnectionCore } from './connection-core';
import { ConnectionError } from './connection-error';
import { type FrameHandler, FrameReader } from './frame-reader';

/**
 * What one connection may cost in a turn of the event loop before others have theirs, in frames. The system hands on up to 2 MiB of one socket before it looks at
 * the next: thousands of calls, for which everybody else would wait.
 */
const workMax = 512;
/** How long a peer that is closed waits until the first read of what it still sends, in milliseconds; each time twice as long. */
const firstSipMs = 10;

/** What comes in on a connection, by turns: a peer that sends much gets its share of each turn, and what is left waits for the next one. */
export abstract class ConnectionInput extends ConnectionCore implements FrameHandler {
  protected bytesRead = 0;
  private readonly reader = new FrameReader(this);
  /** What has been done for the peer in this turn. */
  private work = 0;
  /** Received, and left for the next turn. The socket is not read meanwhile, so that it is at most one read of it. */
  private rest: Buffer | undefined;
  /** Where in it what is left begins. */
  private restStart = 0;
  /** Until a peer that is closed is read again. */
  private sip: NodeJS.Timeout | undefined;
  private sipMs = firstSipMs;

  abstract onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;

  /** Whether the peer has had its share of this turn. */
  get isSated(): boolean {
    return this.work >= workMax;
  }

  override flush(): void {
    this.work = 0;
    super.flush();
  }

  /** Takes bytes from the socket. */
  protected receive(chunk: Buffer): void {
    this.bytesRead += chunk.length;
    if (this.isClosed) this.discardSlowly();
    else this.read(chunk, 0);
  }

  /** What comes after the end is read so that the peer gets to see why, and no faster than that takes: it may be a flood, and be closed for it. */
  private discardSlowly(): void {
    this.socket.pause();
    if (this.sip !== undefined) return;
    this.sip = setTimeout(() => {
      this.sip = undefined;
      this.socket.resume();
    }, this.sipMs).unref();
    this.sipMs *= 2;
  }

  /** Counts what was done for the peer, in frames. */
  protected countWork(frames: number): void {
    this.work += frames;
  }

  /** The peer has ended its side, and with it the connection. */
  protected onSocketEnd(detail: string): void {
    this.readWhatCounts();
    this.hangUp(detail);
  }

  protected override onSocketClosed(detail: string): void {
    this.readWhatCounts();
    super.onSocketClosed(detail);
  }

  /** An instance's answers count, if they came before the end. What a client asked for as it left need not be begun. */
  private readWhatCounts(): void {
    while (!this.isServer && this.rest !== undefined) this.readRest();
    this.rest = undefined;
  }

  private read(chunk: Buffer, from: number): void {
    if (this.isClosed) return;
    try {
      const taken = this.reader.feed(chunk, from);
      if (taken < chunk.length) this.leave(chunk, taken);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.fail(error.code, error.message);
    }
  }

  private leave(chunk: Buffer, from: number): void {
    this.rest = chunk;
    this.restStart = from;
    this.pauseForOthers();
    setImmediate(this.readOn);
  }

  private readonly readOn = (): void => {
    this.readRest();
    if (this.rest === undefined) this.resumeAfterOthers();
  };

  private readRest(): void {
    const { rest } = this;
    if (rest === undefined) return;
    this.rest = undefined;
    this.work = 0;
    this.read(rest, this.restStart);
  }
}
