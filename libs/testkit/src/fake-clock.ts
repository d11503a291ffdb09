import { EventQueue } from './event-queue';

/** A clock that stands still until a test moves it; timers run in order while it moves. */
export class FakeClock {
  private readonly queue = new EventQueue();

  /** @param startMs what {@link now} says at first. */
  constructor(private readonly startMs = 0) {}

  /** Milliseconds. */
  readonly now = (): number => this.startMs + this.queue.nowMs;

  /** Runs `run` once `delayMs` have passed. @returns a function that calls it off. */
  readonly schedule = (delayMs: number, run: () => void): (() => void) => {
    let cancelled = false;
    this.queue.after(delayMs, () => {
      if (!cancelled) run();
    });
    return () => {
      cancelled = true;
    };
  };

  /** Lets time pass. Timers that fall due run at their own time, those that they start included. */
  advance(ms: number): void {
    this.queue.runUntil(this.queue.nowMs + ms);
  }
}
