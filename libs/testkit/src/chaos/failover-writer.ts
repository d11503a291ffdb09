import { setTimeout as sleep } from 'node:timers/promises';
import { id } from '@raftway/contracts';
import type { Outcome, Rpc } from './rpc';

/** How long one attempt may take before the same write is sent to another replica, in milliseconds. */
const ATTEMPT_TIMEOUT_MS = 2_000;
/** Between two writes, and between two attempts: so that clients do not take the processor from what they measure. */
const PAUSE_MS = 2;

/** One write: all attempts with one request id. */
export interface WriteRecord {
  readonly invokedAt: number;
  /** When the attempt was sent that was answered. */
  readonly attemptedAt: number;
  readonly respondedAt: number;
  /** The first number that it was given. */
  readonly number: number;
}

/**
 * A client that writes without end and knows all addresses: stays with one replica as long as it answers, and sends the same write, with its request id, to the
 * next one when it does not.
 */
export class FailoverWriter {
  readonly writes: WriteRecord[] = [];
  /** Attempts that may have had an effect nobody heard of, or were refused for good: a caller that does not repeat would have seen these. */
  readonly failures: { readonly at: number; readonly reason: string }[] = [];
  /** Attempts that were refused, certainly without effect: any gRPC client may repeat these. */
  readonly refusals: { readonly at: number; readonly reason: string }[] = [];
  private readonly done: Promise<void>;
  private running = true;

  /**
   * @param name the sequence that it counts, its own
   * @param preferred where in the list of addresses it begins
   */
  constructor(
    private readonly rpc: Rpc,
    private readonly addresses: readonly string[],
    readonly name: string,
    private preferred: number,
  ) {
    this.done = this.run();
  }

  /** Resolves when the write under way is over. */
  async stop(): Promise<void> {
    this.running = false;
    await this.done;
  }

  /** How long after `at` the first attempt that was sent later was answered, in milliseconds; undefined as long as there is none. */
  answeredAfter(at: number): number | undefined {
    const first = this.writes.find(({ attemptedAt }) => attemptedAt >= at);
    return first === undefined ? undefined : first.respondedAt - at;
  }

  /** What is wrong with the numbers that it was given: each write belongs to one of them, in order. */
  defects(): string[] {
    return this.writes
      .map(({ number }, index) => ({ number, expected: index + 1 }))
      .filter(({ number, expected }) => number !== expected)
      .slice(0, 1)
      .map(({ number, expected }) => `${this.name}: write ${expected} was given ${number}`);
  }

  private async run(): Promise<void> {
    while (this.running) {
      await this.write(`${this.name}-${this.writes.length}`);
      await sleep(PAUSE_MS);
    }
  }

  private async write(requestId: string): Promise<void> {
    const { nextSequence } = id.IdServiceService;
    const request = id.NextSequenceRequest.fromPartial({ name: this.name, count: 1, requestId });
    const invokedAt = performance.now();
    while (this.running) {
      const address = this.addresses[this.preferred] as string;
      const attemptedAt = performance.now();
      const outcome = await this.rpc.unary(address, nextSequence, request, ATTEMPT_TIMEOUT_MS);
      const respondedAt = performance.now();
      if (outcome.kind === 'answered') {
        const number = Number(outcome.response.first);
        this.writes.push({ invokedAt, attemptedAt, respondedAt, number });
        return;
      }
      this.note(outcome, respondedAt);
      this.preferred = (this.preferred + 1) % this.addresses.length;
      await sleep(PAUSE_MS);
    }
  }

  private note(outcome: Exclude<Outcome<unknown>, { kind: 'answered' }>, at: number): void {
    // A replica ends calls in progress with DRAINING as well, but only after its drain timeout of 10 s, and no attempt takes that long: this one was refused at the door.
    const isHarmless =
      outcome.reason === 'DRAINING' || (outcome.kind === 'refused' && outcome.mayRetry);
    if (isHarmless) this.refusals.push({ at, reason: outcome.reason });
    else this.failures.push({ at, reason: [outcome.reason, ...detailsOf(outcome)].join(': ') });
  }
}

function detailsOf(outcome: Outcome<unknown>): string[] {
  return outcome.kind === 'unknown' && outcome.details ? [outcome.details] : [];
}
