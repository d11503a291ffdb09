import { type Http2Session } from 'node:http2';
import { type Socket } from 'node:net';

/** When a quiet connection is asked whether it lives. */
export interface KeepaliveLimits {
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** Finds out about dead peers: a PING when nothing has been received for a while, and the end when no answer comes. */
export class Keepalive {
  private bytesRead = 0;
  private lastReadMs: number;
  private pingSentMs: number | undefined;

  constructor(
    private readonly session: Http2Session,
    private readonly socket: Socket,
    private readonly limits: KeepaliveLimits,
    nowMs: number,
  ) {
    this.lastReadMs = nowMs;
  }

  /** Called regularly. Returns true when the peer is dead. @param wanted whether a quiet peer is to be asked */
  check(nowMs: number, wanted: boolean): boolean {
    if (this.socket.bytesRead !== this.bytesRead) {
      this.bytesRead = this.socket.bytesRead;
      this.lastReadMs = nowMs;
      this.pingSentMs = undefined;
    }
    if (this.pingSentMs !== undefined)
      return nowMs - this.pingSentMs >= this.limits.keepaliveTimeoutMs;
    if (wanted && nowMs - this.lastReadMs >= this.limits.keepaliveMs) this.ping(nowMs);
    return false;
  }

  /** Asks now, whatever has been received. */
  ping(nowMs: number): void {
    if (this.pingSentMs !== undefined || this.session.destroyed || this.session.closed) return;
    this.pingSentMs = nowMs;
    this.session.ping(() => {
      // The answer is seen as received bytes at the next check.
    });
  }
}
