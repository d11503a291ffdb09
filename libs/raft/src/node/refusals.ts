import { type OutcomeUnknownReason, RaftError } from '../errors';

/** What a leader holds uncommitted, and how much that may be. */
export interface LeaderBacklog {
  readonly entries: number;
  readonly entriesMax: number;
  readonly bytes: number;
  readonly bytesMax: number;
}

/** Why this replica takes no more proposals, if so. @param bytes those of the new one. */
export function queueFull(
  waiting: number,
  waitingBytes: number,
  bytes: number,
  { countMax, bytesMax }: { readonly countMax: number; readonly bytesMax: number },
): RaftError | undefined {
  if (waiting >= countMax) {
    const message = `${waiting} proposals wait on this replica, the limit is ${countMax}`;
    const limit = { name: 'pendingProposals', limit: countMax, value: waiting };
    return new RaftError('queueFull', message, { limit });
  }
  const value = waitingBytes + bytes;
  if (value <= bytesMax) return undefined;
  const message = `with this one ${value} bytes of proposals would wait on this replica, the limit is ${bytesMax}`;
  const limit = { name: 'pendingProposalBytes', limit: bytesMax, value };
  return new RaftError('queueFull', message, { limit });
}

/** The leader takes no more. @param backlog undefined when another replica leads: then only the limits are known, and not which was reached. */
export function leaderFull(backlog: LeaderBacklog | undefined): RaftError {
  if (backlog === undefined) {
    return new RaftError('queueFull', 'the leader has too many uncommitted entries');
  }
  const { entries, entriesMax, bytes, bytesMax } = backlog;
  const isCount = entries >= entriesMax;
  const limit = isCount
    ? { name: 'uncommittedEntries', limit: entriesMax, value: entries }
    : { name: 'uncommittedBytes', limit: bytesMax, value: bytes };
  const what = isCount ? `${entries} entries` : `${bytes} bytes`;
  const message = `${what} wait to be committed, the limit is ${limit.limit}`;
  return new RaftError('queueFull', message, { limit });
}

const EXPLANATIONS: Readonly<Record<OutcomeUnknownReason, string>> = {
  timeout: 'the caller’s time was over; nothing is known to be wrong',
  noLeader: 'the caller’s time was over, and no leader is known',
  quorumLost: 'the caller’s time was over, and no majority of the group answers',
  diskSlow:
    'the caller’s time was over, and it is not on the disks of a majority yet, or this replica’s disk does not answer',
  cancelled: 'the caller stopped waiting',
  leaderChanged: 'the leader changed before it answered',
  overwritten: 'another entry has its place in the log',
  snapshotInstalled: 'a snapshot replaced the part of the log that it was in',
  resultEvicted: 'it was applied, and its result is no longer kept',
  stopped: 'this replica stopped',
};

/** The outcome of a proposal is not known, for this reason. */
export function outcomeUnknown(reason: OutcomeUnknownReason): RaftError {
  const message = `the outcome of a proposal is unknown: ${EXPLANATIONS[reason]}`;
  return new RaftError('outcomeUnknown', message, { reason });
}
