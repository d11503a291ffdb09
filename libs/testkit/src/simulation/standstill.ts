import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';

/** A process that can be frozen (SIGSTOP): what happens to it meanwhile waits. */
export class Standstill {
  private sinceMs: number | undefined;
  private waiting: (() => void)[] = [];

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
    /** Told when it runs again. */
    private readonly stoodStill: (fromMs: number, toMs: number) => void,
  ) {}

  get isFrozen(): boolean {
    return this.sinceMs !== undefined;
  }

  freeze(): void {
    this.sinceMs ??= this.queue.nowMs;
  }

  /** It is gone, and with it what waited for it. */
  forget(): void {
    this.sinceMs = undefined;
    this.waiting = [];
  }

  thaw(): void {
    const { sinceMs, waiting, queue } = this;
    if (sinceMs === undefined) return;
    this.forget();
    this.stoodStill(sinceMs, queue.nowMs);
    // Sockets, timers and disks are read one after the other, in any order and with turns of the event loop between them.
    for (const run of waiting) queue.after(this.random.next() * 4, () => this.whenRunning(run));
  }

  /** At once, or when the process is no longer frozen. */
  whenRunning(run: () => void): void {
    if (this.isFrozen) this.waiting.push(run);
    else run();
  }
}
