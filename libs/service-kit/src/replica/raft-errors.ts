import {
  cancelled,
  Code,
  deadlineExceeded,
  failedPrecondition,
  outcomeUnknown,
  resourceExhausted,
  ServiceError,
  unavailable,
} from '@raftway/errors';
import { RaftError } from '@raftway/raft';

/** An election takes about this long, in milliseconds: no use in asking much sooner. */
const RETRY_AFTER_ELECTION_MS = 200;
/** A full queue is shorter after a few syncs. */
const RETRY_AFTER_QUEUE_MS = 50;

/** What a failed call of a replica means to the caller. Anything but a RaftError becomes INTERNAL. */
export function raftErrorToServiceError(error: unknown): ServiceError {
  if (!(error instanceof RaftError)) return ServiceError.from(error);
  const { message } = error;
  const cause = { cause: error };
  switch (error.code) {
    case 'noLeader':
      return unavailable('NO_LEADER', message, { ...cause, retryDelayMs: RETRY_AFTER_ELECTION_MS });
    case 'queueFull':
      return resourceExhausted('QUEUE_FULL', message, {
        ...cause,
        retryDelayMs: RETRY_AFTER_QUEUE_MS,
        metadata: limitMetadata(error),
      });
    case 'tooLarge':
      return new ServiceError({
        ...cause,
        code: Code.invalidArgument,
        reason: 'INVALID_ARGUMENT',
        message,
      });
    case 'outcomeUnknown': {
      const metadata = { why: error.reason ?? 'unknown' };
      return outcomeUnknown(message, { ...cause, metadata });
    }
    case 'stopped':
      return unavailable('NOT_READY', message, cause);
    case 'deadlineExceeded':
      return deadlineExceeded(message, cause);
    case 'cancelled':
      return cancelled(message, cause);
    case 'tooStale':
      return unavailable('TOO_STALE', message, cause);
    case 'transferFailed':
      return failedPrecondition('TRANSFER_FAILED', message, cause);
    case 'notLeader':
      return failedPrecondition('NOT_LEADER', message, {
        ...cause,
        metadata: leaderMetadata(error),
      });
    case 'changeInProgress':
      return failedPrecondition('CHANGE_IN_PROGRESS', message, cause);
    case 'invalidChange':
      return failedPrecondition('INVALID_CHANGE', message, cause);
    case 'notCaughtUp':
      return failedPrecondition('NOT_CAUGHT_UP', message, cause);
    case 'invalidOptions':
      return ServiceError.from(new Error(message, cause));
  }
}

function limitMetadata({ limit }: RaftError): Record<string, string> {
  if (limit === undefined) return {};
  return { field: limit.name, limit: String(limit.limit), value: String(limit.value) };
}

/** Raft knows where its leader's peers reach it; which client address that is, the operator's replica list says. */
function leaderMetadata({ leader }: RaftError): Record<string, string> {
  if (leader === undefined) return {};
  return { leader_id: String(leader.id), leader_peer_address: leader.address };
}
