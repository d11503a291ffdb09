/*
 * Priorities: a hint where leadership should live (ADR 017). Votes and commits know nothing of them.
 *
 *   - A server tells its leader its priority, unless that is the usual one. Nobody else has to know it.
 *   - The leader tells a follower when another voter that could take over has a higher one. Such a follower lets that one campaign first: it waits one election timeout longer, once.
 *   - A leader that has had a voter of higher priority for long enough, one that answers and has all but the newest entries, asks it whether the others would elect it (trial.ts). If they
 *     would, it hands over as if an operator had asked for it.
 *
 * So the dead, the slow and those with too few links are never waited for more than once, and never handed over to. What remains, a server that wins the election and then does not lead
 * well, is bounded by patience: every attempt makes the wait before the next one longer.
 */
import type { LogIndex, ServerId } from './types';

/** The lowest is 0: such a server leads when nobody else can. */
export const PRIORITY_MAX = 100;
/** Of a server that nobody gave one. */
export const PRIORITY_DEFAULT = 50;

/** In election timeouts: how long a voter must have been able to lead before it is asked to. */
const PROVEN = 10;
/** After so many attempts the wait grows no more: 16 times as long. */
const DOUBLINGS_MAX = 4;

interface Attempts {
  readonly count: number;
  readonly lastMs: number;
}

/** How long this server waits before it tries to hand over to one of the others. Outlives a term: a server that cannot keep leadership gives it back with the next one. */
export class HandOverPatience {
  private readonly attempts = new Map<ServerId, Attempts>();

  constructor(private readonly electionTimeoutMs: number) {}

  /** True when a voter that could lead since then is to be asked now. */
  isOver(id: ServerId, sinceMs: number, nowMs: number): boolean {
    const { count, lastMs } = this.rememberedOf(id, nowMs);
    return nowMs - Math.max(sinceMs, lastMs) >= this.waitMs(count);
  }

  attempted(id: ServerId, nowMs: number): void {
    const { count } = this.rememberedOf(id, nowMs);
    this.attempts.set(id, { count: count + 1, lastMs: nowMs });
    for (const other of this.attempts.keys()) this.rememberedOf(other, nowMs);
  }

  /** Whoever has not been asked again for twice as long as it would have been is forgiven. */
  private rememberedOf(id: ServerId, nowMs: number): Attempts {
    const known = this.attempts.get(id);
    if (known !== undefined && nowMs - known.lastMs <= 2 * this.waitMs(known.count)) return known;
    this.attempts.delete(id);
    return { count: 0, lastMs: -Infinity };
  }

  private waitMs(attempts: number): number {
    return PROVEN * this.electionTimeoutMs * 2 ** Math.min(attempts, DOUBLINGS_MAX);
  }
}

/** What a leader knows of those that could take its place; a new one for every term. */
export class Heirs {
  /** The highest priority among the others that could lead; below 0: there is nobody. */
  highestPriority = -1;
  /** Who is being asked whether it would be elected. */
  trial: { readonly id: ServerId; readonly deadlineMs: number } | undefined;
  private newerIndex: LogIndex;
  private markedMs: number;

  constructor(
    /** The commit index of one to two election timeouts ago: whoever has it has kept up. */
    public olderIndex: LogIndex,
    nowMs: number,
  ) {
    this.newerIndex = olderIndex;
    this.markedMs = nowMs;
  }

  mark(commitIndex: LogIndex, nowMs: number, intervalMs: number): void {
    if (nowMs - this.markedMs < intervalMs) return;
    this.olderIndex = this.newerIndex;
    this.newerIndex = commitIndex;
    this.markedMs = nowMs;
  }
}
