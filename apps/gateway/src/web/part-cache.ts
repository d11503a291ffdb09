import { type PartCaching } from '../domain/documents';
import { type MemoryBudget } from '../proxy/memory-budget';
import { type PartCall, type PartOutcome } from './part-call';

/** Told how a call ended that may be others' too. */
export type PartWaiter = (outcome: PartOutcome) => void;

interface Entry {
  readonly json: Uint8Array;
  readonly bytes: number;
  readonly untilMs: number;
}

/** One call for all who make the same request at one time. */
interface Flight {
  readonly waiters: Set<PartWaiter>;
  call: PartCall | undefined;
}

/** A place among those who wait for a call. */
export interface Membership {
  /** Whether another one had begun it. */
  readonly isShared: boolean;
  /** The last one that leaves cancels the call. */
  readonly leave: () => void;
}

/**
 * Successful answers of one part, for a while. All have the same time to live, so that the oldest is the next to go; bytes that are kept count in
 * the gateway's memory budget, and nothing is kept while that is used up.
 */
export class PartCache {
  private readonly entries = new Map<string, Entry>();
  private readonly flights = new Map<string, Flight>();
  private heldBytes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly caching: PartCaching,
    private readonly memory: MemoryBudget,
    private readonly nowMs: () => number,
  ) {}

  /** The answer to a request; undefined when there is none that is fresh. */
  find(key: string): Uint8Array | undefined {
    const entry = this.entries.get(key);
    return entry !== undefined && entry.untilMs > this.nowMs() ? entry.json : undefined;
  }

  /** Waits for the call of a request, which is begun if there is none. @param begin makes the call and says how it ends, later */
  join(key: string, waiter: PartWaiter, begin: (done: PartWaiter) => PartCall): Membership {
    const known = this.flights.get(key);
    const flight = known ?? { waiters: new Set(), call: undefined };
    flight.waiters.add(waiter);
    if (known === undefined) {
      this.flights.set(key, flight);
      flight.call = begin((outcome) => {
        this.flights.delete(key);
        if (outcome.kind === 'answer') this.keep(key, outcome.json);
        for (const each of flight.waiters) each(outcome);
      });
    }
    const leave = (): void => {
      flight.waiters.delete(waiter);
      if (flight.waiters.size > 0 || this.flights.get(key) !== flight) return;
      this.flights.delete(key);
      flight.call?.cancel();
    };
    return { isShared: known !== undefined, leave };
  }

  private keep(key: string, json: Uint8Array): void {
    const { ttlMs, bytesMax } = this.caching;
    const bytes = json.length + key.length;
    this.drop(key);
    if (bytes > bytesMax || this.memory.isExhausted) return;
    for (const oldest of this.entries.keys()) {
      if (this.heldBytes + bytes <= bytesMax) break;
      this.drop(oldest);
    }
    this.entries.set(key, { json, bytes, untilMs: this.nowMs() + ttlMs });
    this.count(bytes);
    this.timer ??= this.dropLater(ttlMs);
  }

  /** Nothing stays after its time, also when nobody asks. */
  private dropLater(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.timer = undefined;
      for (const [key, { untilMs }] of this.entries) {
        const leftMs = untilMs - this.nowMs();
        if (leftMs > 0) {
          this.timer = this.dropLater(Math.ceil(leftMs));
          return;
        }
        this.drop(key);
      }
    }, ms).unref();
  }

  private drop(key: string): void {
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    this.entries.delete(key);
    this.count(-entry.bytes);
  }

  private count(bytes: number): void {
    this.heldBytes += bytes;
    this.memory.add(bytes);
  }
}
