import type { SnapshotMetadata } from '../core';
import type { Raft } from '../core/raft';
import type { ApplyQueue } from './apply-queue';

/** What a snapshot of the state machine as it is now stands for. */
export function appliedSnapshot(
  raft: Pick<Raft, 'configurationAt'>,
  applyQueue: Pick<ApplyQueue<unknown>, 'position'>,
): SnapshotMetadata {
  const { index, term, stampMs } = applyQueue.position;
  const configuration = raft.configurationAt(index);
  if (configuration === undefined) throw new Error('nothing has been applied yet');
  return { lastIncludedIndex: index, lastIncludedTerm: term, stampMs, configuration };
}
