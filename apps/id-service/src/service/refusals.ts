import {
  failedPrecondition,
  outOfRange,
  resourceExhausted,
  unavailable,
  type ServiceError,
} from '@raftway/errors';
import { SEQUENCE_NUMBER_MAX, SEQUENCES_MAX, WORKERS_MAX } from '../domain/limits';
import type { Refused } from '../domain/results';

/** What a caller is told when the replicated state refuses; {@link RefusalFacts} are this replica's own. */
export interface RefusalFacts {
  /** This replica's epoch, in Unix milliseconds. */
  readonly epochMs: number;
}

/** A refusal as the error that its caller gets. */
export function refusalError(refusal: Refused, facts: RefusalFacts): ServiceError {
  switch (refusal.reason) {
    case 'epochMismatch':
      return epochMismatch(refusal.epochMs, facts.epochMs);
    case 'ceilingTooFarAhead':
      return unavailable(
        'CLOCK_AHEAD',
        `ids up to ${iso(refusal.limitMs)} are given out: most replicas say that it is ${iso(refusal.groupMs)}`,
        { metadata: { limit: iso(refusal.limitMs), groupClock: iso(refusal.groupMs) } },
      );
    case 'workerLost':
      return unavailable(
        'NO_WORKER_LEASE',
        'the worker lease has ended; another one is on its way',
      );
    case 'workersExhausted':
      return resourceExhausted('LIMIT_REACHED', `all ${WORKERS_MAX} worker numbers are leased`, {
        metadata: { limit: String(WORKERS_MAX) },
      });
    case 'epochExhausted':
      return outOfRange(
        'EPOCH_EXHAUSTED',
        `41 bits of milliseconds after the epoch end at ${iso(refusal.limitMs)}`,
        { metadata: { limit: iso(refusal.limitMs) } },
      );
    case 'sequencesFull':
      return resourceExhausted('LIMIT_REACHED', `there are ${SEQUENCES_MAX} sequences already`, {
        metadata: { limit: String(SEQUENCES_MAX) },
      });
    case 'sequenceExhausted':
      return outOfRange(
        'SEQUENCE_EXHAUSTED',
        `the sequence would pass the largest number, ${SEQUENCE_NUMBER_MAX}`,
        { metadata: { limit: String(SEQUENCE_NUMBER_MAX) } },
      );
    case 'badCommand':
      return failedPrecondition(
        'FAILED_PRECONDITION',
        'a replica of another version does not know the command; finish the upgrade',
      );
  }
}

function epochMismatch(groupEpochMs: number, ownEpochMs: number): ServiceError {
  const [group, own] = [iso(groupEpochMs), iso(ownEpochMs)];
  return failedPrecondition(
    'EPOCH_MISMATCH',
    `this group's ids count from ${group}, but RAFTWAY_ID_EPOCH of this replica is ${own}: ids from two epochs could be the same`,
    { metadata: { groupEpoch: group, replicaEpoch: own } },
  );
}

/** Dates outside JavaScript's range are shown as numbers. */
function iso(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? `${unixMs} ms` : date.toISOString();
}
