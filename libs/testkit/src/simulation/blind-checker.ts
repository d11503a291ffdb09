import type { Raft } from '@raftway/raft/core';
import { Checker } from './checker';

/** Looks into no server: for runs that are judged by what clients were told and by nothing else. */
export class BlindChecker extends Checker {
  private highestCommit = 0;

  override afterStep(raft: Raft): void {
    this.coverage.steps += 1;
    this.coverage.commits += Math.max(0, raft.commitIndex - this.highestCommit);
    this.highestCommit = Math.max(this.highestCommit, raft.commitIndex);
  }

  override applied(): void {
    // See above.
  }

  override onSend(): void {
    // See above.
  }

  override onRecovered(): void {
    // See above.
  }

  override onApply(): void {
    // See above.
  }

  override onReadConfirmed(): void {
    // See above.
  }
}
