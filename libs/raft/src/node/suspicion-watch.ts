import type { Raft } from '../core/raft';
import type { RaftLogger } from '../observer';
import type { Recovered, Storage } from '../storage/storage';

/**
 * Tells people and the storage whether this replica may have forgotten something: it counts in no quorum from the start until the group has brought it up to date
 * (core/suspicion.ts).
 */
export class SuspicionWatch {
  private suspect: boolean;

  constructor(
    private readonly raft: Raft,
    recovered: Recovered,
    private readonly storage: Storage,
    private readonly logger: RaftLogger,
  ) {
    this.suspect = raft.isSuspect;
    if (recovered.suspectTail === undefined) return;
    const alone = raft.status(0).members.filter(({ voter }) => voter).length === 1;
    const { file, offset } = recovered.suspectTail;
    const message = alone
      ? 'the last batch of the log is damaged and was cut: nobody else has what it held'
      : 'the last batch of the log is damaged and was cut: this replica counts in no quorum until it has caught up';
    logger.warn(message, { file, offset });
  }

  /** To be called after the core's steps. */
  look(): void {
    if (!this.suspect || this.raft.isSuspect) return;
    this.suspect = false;
    this.logger.info('this replica has caught up and counts in quorums again');
    // If this fails the next start is careful once more than it would have to be.
    this.storage.trustTail().catch((error: unknown) => {
      this.logger.warn('noting that this replica has caught up failed', { error });
    });
  }
}
