import { invariant } from './invariants';
import type { RaftState } from './state';
import type { LogIndex, SnapshotMetadata } from './types';

/**
 * A snapshot of this server's state machine is durable: the log may let go of entries up to `compactTo` (Raft §7).
 *
 * Entries that a follower will need right after the snapshot that is on its way to it are kept, or it would need the next snapshot as soon as it has installed
 * this one, for ever (openraft #1706). A transfer ends or fails, so that does not keep them for ever either; and not more than `keepBytesMax` of them, because the log is in
 * memory, too: a follower that takes in a snapshot more slowly than the group writes so much needs another one.
 */
export function takeSnapshot(
  state: RaftState,
  snapshot: SnapshotMetadata,
  compactTo: LogIndex,
  keepBytesMax = Infinity,
): void {
  const index = snapshot.lastIncludedIndex;
  invariant(
    index <= state.log.appliedIndex && compactTo <= index,
    () => `snapshot ${index}, compaction to ${compactTo}, applied ${state.log.appliedIndex}`,
  );
  // A received snapshot may have overtaken it.
  if (index <= (state.snapshot?.lastIncludedIndex ?? 0)) return;
  state.snapshot = snapshot;
  let keepFrom = compactTo;
  for (const progress of state.leader?.progress.values() ?? []) {
    if (progress.state === 'snapshot') keepFrom = Math.min(keepFrom, progress.pendingSnapshotIndex);
  }
  state.log.compactTo(Math.max(keepFrom, state.log.indexBefore(index, keepBytesMax)));
  state.configurations.compactTo(index);
}
