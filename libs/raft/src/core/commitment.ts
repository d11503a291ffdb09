import { countUncommitted } from './leader-log';
import { quorumValue } from './quorum';
import type { RaftState } from './state';
import type { Entry, LogIndex } from './types';

/**
 * Commits what a majority of the voters has on disk, if it is of this term (Raft §5.3, §5.4.2).
 *
 * An entry of an earlier term may be on a majority and still be overwritten (Raft figure 8); it is committed along with the first entry of this term that is. The
 * leader counts itself by what its own disk has confirmed, like everybody else: the followers alone may be the majority (dissertation §10.2.1).
 */
export function maybeCommit(state: RaftState): void {
  const matched = state.configurations.voters.map((id) => matchIndexOf(state, id));
  const index = quorumValue(matched);
  if (index <= state.log.commitIndex) return;
  if (state.log.termAt(index) !== state.currentTerm) return;
  const from = state.log.commitIndex + 1;
  state.log.commitTo(index);
  for (let committed = from; committed <= index; committed += 1) {
    countUncommitted(state, state.log.entryAt(committed) as Entry, -1);
  }
  // Followers learn of it with the next entries or, if there are none, by a heartbeat; held reads may have their first read index.
  state.needsFlush = true;
}

function matchIndexOf(state: RaftState, id: number): LogIndex {
  if (id === state.id) return state.log.stableIndex;
  const progress = state.leader?.progress.get(id);
  return progress?.counts === true ? progress.matchIndex : 0;
}
