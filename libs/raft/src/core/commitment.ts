import { countUncommitted } from './leader-log';
import { onCommitted } from './membership-change';
import { jointQuorumValue } from './quorum';
import type { RaftState } from './state';
import type { Entry, LogIndex } from './types';

/**
 * Commits what a majority of the voters has on disk (in a joint configuration a majority before and one after the change), if it is of this term (Raft §5.3, §5.4.2).
 *
 * An entry of an earlier term may be on a majority and still be overwritten (Raft figure 8); it is committed along with the first entry of this term that is. The
 * leader counts itself, if it is a voter, by what its own disk has confirmed, like everybody else: the followers alone may be the majority (dissertation §10.2.1).
 */
export function maybeCommit(state: RaftState): void {
  const index = jointQuorumValue(state.configurations.majorities, (id) => matchIndexOf(state, id));
  if (index <= state.log.commitIndex) return;
  if (state.log.termAt(index) !== state.currentTerm) return;
  const from = state.log.commitIndex + 1;
  state.log.commitTo(index);
  for (let committed = from; committed <= index; committed += 1) {
    countUncommitted(state, state.log.entryAt(committed) as Entry, -1);
  }
  onCommitted(state);
  // Followers learn of it with the next entries or, if there are none, by a heartbeat; held reads may have their first read index.
  state.needsFlush = true;
}

function matchIndexOf(state: RaftState, id: number): LogIndex {
  if (id === state.id) return state.log.stableIndex;
  const progress = state.leader?.progress.get(id);
  return progress?.counts === true ? progress.matchIndex : 0;
}
