/** Shorter than any timeout by far, long enough to cost nothing when nothing happens. */
const INTERVAL_MS_MAX = 15;

/**
 * Tells a replica that time passes, several times a heartbeat, by the monotonic clock.
 *
 * When the event loop stood still (a long garbage collection, a big JSON, a stopped process), timers run before sockets are read, and the
 * leader's heartbeats may be lying there: a follower that counted the pause at once would campaign against a healthy leader. So such a
 * tick is left out, and the next one comes after the sockets' turn.
 */
export class Ticker {
  private timer: NodeJS.Timeout | undefined;
  private lastMs = 0;
  private readonly intervalMs: number;

  /**
   * @param stallMs a pause of more than this is a stall.
   * @param onStall told how long it was.
   */
  constructor(
    heartbeatIntervalMs: number,
    private readonly stallMs: number,
    private readonly onTick: (nowMs: number) => void,
    private readonly onStall: (durationMs: number) => void,
  ) {
    this.intervalMs = Math.max(1, Math.min(heartbeatIntervalMs / 4, INTERVAL_MS_MAX));
  }

  start(): void {
    this.lastMs = performance.now();
    this.schedule();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private schedule(): void {
    this.timer = setTimeout(() => this.tick(), this.intervalMs);
  }

  private tick(): void {
    this.schedule();
    const nowMs = performance.now();
    const passedMs = nowMs - this.lastMs;
    this.lastMs = nowMs;
    if (passedMs > this.stallMs) this.onStall(passedMs);
    else this.onTick(nowMs);
  }
}
