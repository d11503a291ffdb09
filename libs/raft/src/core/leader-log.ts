import { invariant } from './invariants';
import { entryBytes } from './log';
import type { Proposal } from './messages';
import type { RaftState } from './state';
import { ENTRY_VERSION, EntryKind } from './types';
import type { Entry, LogIndex } from './types';

/** Appends to the leader's own log, stamped with the log clock. @returns its index. */
export function appendAsLeader(state: RaftState, proposal: Proposal): LogIndex {
  invariant(state.leader !== undefined, 'only a leader appends');
  const entry: Entry = {
    version: ENTRY_VERSION,
    index: state.log.lastIndex + 1,
    term: state.currentTerm,
    kind: proposal.kind,
    stampMs: state.leader.clock.stamp(state.nowMs, state.log.lastStampMs),
    clientId: proposal.clientId,
    sequence: proposal.sequence,
    payload: proposal.payload,
  };
  state.log.append(entry);
  countUncommitted(state, entry, 1);
  state.needsFlush = true;
  return entry.index;
}

/** Counts an entry into (1) or out of (-1) what the leader holds uncommitted. */
export function countUncommitted(state: RaftState, entry: Entry, sign: 1 | -1): void {
  if (state.leader === undefined || entry.kind !== EntryKind.command) return;
  state.leader.uncommittedEntries += sign;
  state.leader.uncommittedBytes += sign * entryBytes(entry);
}
