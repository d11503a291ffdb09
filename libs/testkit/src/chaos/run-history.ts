import type { Operation } from '../linearizability/history';
import type { LockInput, LockOutput } from '../linearizability/lock-model';
import type { RegisterInput, RegisterOutput } from '../linearizability/register-model';
import type { SequenceInput, SequenceOutput } from '../linearizability/sequence-model';
import type { IdBatch } from '../linearizability/unique';
import type { Outcome } from './rpc';

/** What clients know of one session. */
export interface SessionRecord {
  readonly id: string;
  /** The session cannot end before this by itself: invocation of the last renewal that was acknowledged, plus the time to live. */
  aliveUntil: number;
  /** When a client first asked to close it; Infinity when none did. */
  closedAt: number;
}

/** One lock that a client was given. */
export interface GrantRecord {
  readonly lock: string;
  readonly owner: string;
  readonly token: bigint;
  readonly invokedAt: number;
  readonly respondedAt: number;
  readonly session: SessionRecord;
  /** When its client first asked to release it; Infinity when it never did. */
  releasedAt: number;
  /** When its client was told that the lock was released; Infinity when it never was. */
  returnedAt: number;
}

/** How calls of one kind ended. */
export interface Tally {
  answered: number;
  refused: number;
  unknown: number;
}

/** Everything that the clients of a run have seen. */
export class RunHistory {
  readonly locks: Operation<LockInput, LockOutput>[] = [];
  readonly grants: GrantRecord[] = [];
  readonly sequences: Operation<SequenceInput, SequenceOutput>[] = [];
  readonly registers: Operation<RegisterInput, RegisterOutput>[] = [];
  readonly ids: IdBatch[] = [];
  /** Revisions of registrations, as batches of one. */
  readonly revisions: IdBatch[] = [];
  readonly tallies = new Map<string, Tally>();
  readonly refusals = new Map<string, number>();
  /** What clients noticed themselves: one sentence each. */
  readonly findings: string[] = [];

  /** Counts a call. */
  count(kind: string, outcome: Outcome<unknown>): void {
    const tally = this.tallies.get(kind) ?? { answered: 0, refused: 0, unknown: 0 };
    this.tallies.set(kind, tally);
    tally[outcome.kind] += 1;
    if (outcome.kind === 'answered') return;
    const reason = `${kind}: ${outcome.kind} ${outcome.reason}`;
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  /** Calls of all kinds. */
  get operations(): number {
    let sum = 0;
    for (const { answered, refused, unknown } of this.tallies.values()) {
      sum += answered + refused + unknown;
    }
    return sum;
  }
}

/** For a look at a failed run. */
export function historyAsJson(history: RunHistory): string {
  return JSON.stringify(history, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
}
