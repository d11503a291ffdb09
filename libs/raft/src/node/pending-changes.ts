import {
  type ChangePlaced,
  type ChangeRefusal,
  type Entry,
  type Input,
  isJoint,
  type LogIndex,
  type MemberChange,
  type Term,
} from '../core';
import type { Raft } from '../core/raft';
import { type OutcomeUnknownReason, RaftError, type RaftErrorCode } from '../errors';
import type { MembersChanged } from '../raft-node';

/** Changes of this replica that may wait: only one at a time can be under way. */
const PENDING_CHANGES_MAX = 16;

/** Refusals that are over in a moment: the change is offered again with the next tick. */
const TRANSIENT: readonly ChangeRefusal[] = ['notEstablished', 'transferring'];

interface Pending {
  ticket: number;
  readonly changes: readonly MemberChange[];
  readonly deadlineMs: number;
  /**
   * - `offered`: the core has it and has not answered yet.
   * - `postponed`: it was refused for the moment.
   * - `placed`: it is in the log.
   * - `applied`: it is decided, and may have left the group in a joint configuration.
   */
  state: 'offered' | 'postponed' | 'placed' | 'applied';
  index: LogIndex;
  term: Term;
  readonly resolve: (changed: MembersChanged) => void;
  readonly reject: (error: RaftError) => void;
}

/** What the callers of changeMembers() wait for: that their configuration is decided, and the joint one before it left. */
export class PendingChanges {
  private readonly pending = new Set<Pending>();

  constructor(
    private readonly raft: Raft,
    private readonly input: (input: Input) => void,
    private readonly takeTicket: () => number,
  ) {}

  /** Takes a call. @throws RaftError queueFull, cancelled, and as RaftNode.changeMembers */
  add(
    changes: readonly MemberChange[],
    deadlineMs: number,
    signal?: AbortSignal,
  ): Promise<MembersChanged> {
    if (signal?.aborted === true) {
      return Promise.reject(new RaftError('cancelled', 'the call was cancelled before it began'));
    }
    if (this.pending.size >= PENDING_CHANGES_MAX) {
      const message = `${this.pending.size} changes of members are already waiting`;
      return Promise.reject(new RaftError('queueFull', message));
    }
    return new Promise((resolve, reject) => {
      const place = { state: 'offered', index: 0, term: 0 } as const;
      const pending: Pending = { ticket: 0, changes, deadlineMs, ...place, resolve, reject };
      this.pending.add(pending);
      const cancel = (): void => this.unknown(pending, 'cancelled');
      signal?.addEventListener('abort', cancel, { once: true });
      this.offer(pending);
    });
  }

  /** The core has taken a change, or refused it. */
  onPlaced(placed: ChangePlaced): void {
    const pending = [...this.pending].find(({ ticket }) => ticket === placed.ticket);
    if (pending === undefined) return;
    if (!('refusal' in placed)) {
      pending.state = 'placed';
      pending.index = placed.index;
      pending.term = placed.term;
    } else if (TRANSIENT.includes(placed.refusal)) {
      pending.state = 'postponed';
    } else this.fail(pending, this.refused(placed.refusal, placed.message));
  }

  /** A configuration entry is committed, and applied here. */
  onApplied(entry: Entry): void {
    for (const pending of this.pending) {
      if (pending.state !== 'placed' || pending.index !== entry.index) continue;
      if (pending.term === entry.term) pending.state = 'applied';
      else this.unknown(pending, 'overwritten');
    }
  }

  /** A snapshot replaced everything up to an index: what was placed there was decided somewhere else. */
  onSnapshotInstalled(index: LogIndex): void {
    for (const pending of this.pending) {
      if (pending.state === 'placed' && pending.index <= index) {
        this.unknown(pending, 'snapshotInstalled');
      }
    }
  }

  /** Answers those whose change is complete. To be called after the core's steps. */
  look(): void {
    if (this.pending.size === 0) return;
    const { configuration, configurationIndex, commitIndex, appliedIndex } = this.raft;
    for (const pending of this.pending) {
      // Something that is no configuration was applied in its place.
      const isPassed = pending.state === 'placed' && pending.index <= appliedIndex;
      if (isPassed) this.unknown(pending, 'overwritten');
    }
    if (isJoint(configuration) || configurationIndex > commitIndex) return;
    for (const pending of this.pending) {
      if (pending.state !== 'applied') continue;
      this.pending.delete(pending);
      pending.resolve({ index: configurationIndex, members: configuration.members });
    }
  }

  /** Offers again what was postponed, and gives up what nobody waits for any longer. To be called once a tick. */
  tick(nowMs: number): void {
    for (const pending of this.pending) {
      if (nowMs < pending.deadlineMs) {
        if (pending.state === 'postponed') this.offer(pending);
      } else if (pending.state === 'postponed') {
        this.fail(pending, new RaftError('noLeader', 'the leader could not take the change'));
      } else this.unknown(pending, 'timeout');
    }
  }

  /** The replica stops. */
  stop(): void {
    for (const pending of this.pending) this.unknown(pending, 'stopped');
  }

  private offer(pending: Pending): void {
    pending.ticket = this.takeTicket();
    pending.state = 'offered';
    this.input({ type: 'changeMembers', ticket: pending.ticket, changes: pending.changes });
  }

  private refused(refusal: ChangeRefusal, message: string): RaftError {
    const codes: Partial<Record<ChangeRefusal, RaftErrorCode>> = {
      changeInProgress: 'changeInProgress',
      notCaughtUp: 'notCaughtUp',
      invalid: 'invalidChange',
    };
    const code = codes[refusal];
    return code === undefined ? notLeader(this.raft) : new RaftError(code, message);
  }

  private unknown(pending: Pending, reason: OutcomeUnknownReason): void {
    const message = `the outcome of a change of members is unknown: ${reason}`;
    this.fail(pending, new RaftError('outcomeUnknown', message, { reason }));
  }

  private fail(pending: Pending, error: RaftError): void {
    if (this.pending.delete(pending)) pending.reject(error);
  }
}

/** Says who leads, as far as this replica knows. */
export function notLeader({ id, leaderId, configuration }: Raft): RaftError {
  const leader = configuration.members.find((member) => member.id === leaderId && leaderId !== id);
  const who =
    leader === undefined ? 'no leader is known' : `server ${leader.id} at ${leader.address} leads`;
  return new RaftError('notLeader', `only the leader changes members: ${who}`, { leader });
}
