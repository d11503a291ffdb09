/** When a quiet connection is asked whether it lives. */
export interface KeepaliveLimits {
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** Finds out about dead peers: a PING when nothing has been received for a while, and the end when no answer comes. */
export class Keepalive {
  private seenBytes = 0;
  private lastReadMs: number;
  private pingSentMs: number | undefined;

  constructor(
    private readonly limits: KeepaliveLimits,
    private readonly sendPing: () => void,
    nowMs: number,
  ) {
    this.lastReadMs = nowMs;
  }

  /**
   * Called regularly. Returns true when the peer is dead.
   *
   * @param bytesRead what has been received so far; the answer to a PING is seen in it, too
   * @param wanted whether a quiet peer is to be asked
   */
  check(nowMs: number, bytesRead: number, wanted: boolean): boolean {
    if (bytesRead !== this.seenBytes) {
      this.seenBytes = bytesRead;
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
    if (this.pingSentMs !== undefined) return;
    this.pingSentMs = nowMs;
    this.sendPing();
  }
}
