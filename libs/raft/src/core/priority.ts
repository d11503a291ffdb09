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

/** How long this server waits before it tries to hand over. Outlives a term: a server that cannot keep leadership gives it back with the next one. */
export class HandOverPatience {
  private attempts = 0;
  private lastMs = -Infinity;

  constructor(private readonly electionTimeoutMs: number) {}

  /** True when a voter that could lead since then is to be asked now. */
  isOver(sinceMs: number, nowMs: number): boolean {
    // What went well for twice as long as it was given is forgiven.
    if (nowMs - this.lastMs > 2 * this.waitMs) this.attempts = 0;
    return nowMs - Math.max(sinceMs, this.lastMs) >= this.waitMs;
  }

  attempted(nowMs: number): void {
    this.attempts = Math.min(this.attempts + 1, DOUBLINGS_MAX);
    this.lastMs = nowMs;
  }

  private get waitMs(): number {
    return PROVEN * this.electionTimeoutMs * 2 ** this.attempts;
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
