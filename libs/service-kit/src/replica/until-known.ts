import { ServiceError } from '@raftway/errors';
import type { OutcomeUnknownReason } from '@raftway/raft';

/** Why an outcome can be unknown although its caller has time left: leadership changed hands, and the next leader can say. */
const WHYS: ReadonlySet<string> = new Set<OutcomeUnknownReason>([
  'leaderChanged',
  'overwritten',
  'quorumLost',
  'snapshotInstalled',
]);
const ATTEMPTS_MAX = 4;

/**
 * Makes a change again whose outcome is unknown because leadership changed hands, four times at most.
 *
 * @param attempt makes a change that is applied at most once however often it is made: it has a request id. Its own limit of time ends it.
 * @throws what the last attempt failed with; once an outcome is unknown it stays so until an attempt succeeds, whatever others were refused with.
 */
export async function untilKnown<Value>(attempt: () => Promise<Value>): Promise<Value> {
  let unknown: ServiceError | undefined;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ServiceError) || error.reason !== 'OUTCOME_UNKNOWN') {
        throw unknown ?? error;
      }
      unknown = error;
      if (attempts === ATTEMPTS_MAX || !WHYS.has(error.metadata['why'] ?? '')) throw error;
    }
  }
}
