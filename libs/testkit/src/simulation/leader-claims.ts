import type { Raft } from '@raftway/raft/core';
import type { StoragePromises } from './promises';
import { SafetyViolation } from './violation';

/** What a leader believes of the others' logs is true, as long as no later leader has changed them (Raft figure 2: matchIndex). */
export function checkBeliefs(raft: Raft, disks: readonly StoragePromises[], nowMs: number): void {
  for (const { id, matchIndex } of raft.status(nowMs).members) {
    const disk = disks[id - 1] as StoragePromises;
    if (matchIndex === 0 || disk.durableVote().term > raft.term) continue;
    const term = raft.termAt(matchIndex);
    // Compacted, and so committed: others look after that.
    if (term === undefined || disk.holds(matchIndex, term)) continue;
    throw new SafetyViolation(
      `leader ${raft.id} of term ${raft.term} believes that server ${id} has its entry ${matchIndex}, which is not on that disk`,
    );
  }
}
