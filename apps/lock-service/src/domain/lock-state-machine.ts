import {
  type ApplyContext,
  type ReturnFromBackup,
  type StateMachine,
} from '@raftway/raft/state-machine';
import { sessionIdFor } from './attempt-rules';
import { decodeCommand } from './command-codec';
import { type LockCommand } from './commands';
import { DEFAULT_LOCK_LIMITS, type LockLimits } from './limits';
import { LockTable } from './lock-table';
import { type Attempt } from './model';
import { decodeResult, encodeResult } from './result-codec';
import { type HolderView, type LockOutcome, type LockResult, rejected } from './results';
import { decodeSnapshot, snapshotSlices } from './snapshot-codec';
import { type LockView, smallestNames, viewHolder, viewWaiters } from './views';

/** What a read may show of a lock's queue by default. */
const WAITERS_SHOWN_MAX = 1_000;

/** What a replica wants to hear of its own state machine; not part of the replicated state. */
export interface LockStateListener {
  /** An attempt stopped waiting, or another call took it over. Called while a command is applied: only note it. */
  onAttemptChanged(attempt: Attempt): void;
  /** The whole state was replaced by a snapshot: any attempt may have changed. */
  onRestored(): void;
}

/**
 * The lock service's replicated state machine: commands in, results out, and a few reads of the state as it is now.
 *
 * The rules are in {@link LockTable}; this class ties them to bytes and to the log clock.
 */
export class LockStateMachine implements StateMachine<LockResult> {
  private table: LockTable;
  private clockMs = 0;
  private listener: LockStateListener | undefined;

  /** @param limits Must be the same on every replica. Default: {@link DEFAULT_LOCK_LIMITS}. */
  constructor(private readonly limits: LockLimits = DEFAULT_LOCK_LIMITS) {
    this.table = new LockTable(limits);
  }

  /** Sets the one listener of this replica. */
  listen(listener: LockStateListener): void {
    this.listener = listener;
    this.table.onAttemptChanged = (attempt) => listener.onAttemptChanged(attempt);
  }

  apply(bytes: Uint8Array, context: ApplyContext): LockResult {
    this.clockMs = context.nowMs;
    const command = decodeCommand(bytes);
    if (command === undefined) return { fingerprint: 0, outcome: rejected('invalidCommand') };
    const fingerprint = 'fingerprint' in command ? command.fingerprint : 0;
    return { fingerprint, outcome: this.applyCommand(command, context) };
  }

  expire(context: ApplyContext): void {
    this.clockMs = context.nowMs;
    this.table.expire(context);
  }

  nextDeadlineMs(): number | undefined {
    return this.table.nextDeadlineMs();
  }

  snapshot(): Uint8Array {
    return Buffer.concat([...this.snapshotSlices()]);
  }

  snapshotSlices(): Iterable<Uint8Array> {
    return snapshotSlices(this.table, this.clockMs);
  }

  restore(snapshot: Uint8Array): void {
    const table = new LockTable(this.limits);
    this.clockMs = decodeSnapshot(snapshot, table);
    this.table = table;
    if (this.listener === undefined) return;
    this.listen(this.listener);
    this.listener.onRestored();
  }

  /**
   * Ends all sessions. Whoever held a lock at the backup may have lost it since, and another client may believe to hold it: so nobody's belief is confirmed, everybody hears
   * SESSION_NOT_FOUND and acquires anew. New tokens are log indexes, so they are above all that were granted after the backup.
   */
  returnFromBackup(back: ReturnFromBackup): void {
    this.clockMs = back.nowMs;
    this.table.endAll(back);
  }

  encodeResult(result: LockResult): Uint8Array {
    return encodeResult(result);
  }

  decodeResult(bytes: Uint8Array): LockResult {
    return decodeResult(bytes);
  }

  /** The log clock of the newest entry, in milliseconds. */
  get nowMs(): number {
    return this.clockMs;
  }

  /** Open sessions, held locks and waiting calls: for metrics. */
  get counts(): { readonly sessions: number; readonly locks: number; readonly waiters: number } {
    const { sessions, held, waiterDeadlines } = this.table;
    return { sessions: sessions.size, locks: held.size, waiters: waiterDeadlines.size };
  }

  /** An attempt that waits, or finished not long ago. */
  attempt(id: number): Readonly<Attempt> | undefined {
    return this.table.attempts.get(id);
  }

  /** True while the grant with this token holds the lock. */
  isHeld(name: string, token: number): boolean {
    return this.table.held.get(name)?.holder.token === token;
  }

  /** The token of a lock's newest grant; see TokenMemory for names that were forgotten. */
  currentToken(name: string): number {
    return this.table.held.get(name)?.holder.token ?? this.table.tokens.newestOf(name);
  }

  /** Who holds a lock. */
  holders(name: string, nowMs = this.clockMs): HolderView[] {
    const holder = this.table.held.get(name)?.holder;
    if (holder === undefined) return [];
    return [viewHolder(holder, this.table.sessions.get(holder.sessionId), nowMs)];
  }

  /** Shows one lock, held or not, with its first waiters. */
  lock(name: string, nowMs = this.clockMs, waitersMax = WAITERS_SHOWN_MAX): LockView {
    const held = this.table.held.get(name);
    return {
      name,
      holders: this.holders(name, nowMs),
      waiters: held === undefined ? [] : viewWaiters(held, nowMs, waitersMax),
      currentToken: this.currentToken(name),
    };
  }

  /** Names of held locks in order: at most `count` that begin with `prefix` and come after `after`. */
  lockNames(prefix: string, after: string, count: number): string[] {
    return smallestNames(this.table.held.keys(), prefix, after, count);
  }

  private applyCommand(command: LockCommand, context: ApplyContext): LockOutcome {
    const { table } = this;
    switch (command.kind) {
      case 'openSession':
        return table.openSession(
          sessionIdFor(context.index, command.nonce),
          command.ttlMs,
          context,
        );
      case 'renewSessions':
        return table.renewSessions(command.sessionIds, context);
      case 'closeSession':
        return table.closeSession(command.sessionId, context);
      case 'acquire':
        return table.acquire(command, context);
      case 'cancelWait':
        return table.cancelWait(command, context);
      case 'release':
        return table.release(command, context);
      case 'forceRelease':
        return table.forceRelease(command, context);
    }
  }
}
