import {
  aborted,
  failedPrecondition,
  internal,
  notFound,
  requestIdReused,
  resourceExhausted,
  type ServiceError,
  unavailable,
} from '@raftway/errors';
import { type LockOutcome, type Rejected } from '../domain/results';

/** What a refusal is about. */
export interface Subject {
  readonly name?: string | undefined;
  readonly sessionId?: string | undefined;
}

/** Words a refusal of the state machine for the caller. */
export function toServiceError(rejected: Rejected, subject: Subject): ServiceError {
  const { name = '', sessionId = '' } = subject;
  const metadata = { ...(name && { lock: name }), ...(sessionId && { session_id: sessionId }) };
  switch (rejected.reason) {
    case 'sessionNotFound':
      return notFound('SESSION_NOT_FOUND', `session "${sessionId}" is not open (any more)`, {
        metadata,
      });
    case 'notHolder':
      return failedPrecondition('NOT_HOLDER', `lock "${name}" is not held by this owner`, {
        metadata,
      });
    case 'tokenMismatch': {
      const current = String(rejected.value);
      const message = `the fencing token is not that of the hold of lock "${name}"`;
      return failedPrecondition('TOKEN_MISMATCH', message, {
        metadata: { ...metadata, current_token: current },
      });
    }
    case 'limitReached': {
      const { limitName, limit, value } = rejected;
      const message = `at most ${limit} ${limitName.replaceAll('_', ' ')}, and there are ${value}`;
      return resourceExhausted('LIMIT_REACHED', message, {
        metadata: { ...metadata, field: limitName, limit: String(limit), value: String(value) },
        retryDelayMs: 1_000,
      });
    }
    case 'requestIdReused':
      return requestIdReused();
    case 'grantEnded':
      return grantEnded(name, rejected.value);
    case 'sessionEnded':
      return sessionEnded(sessionId);
    case 'invalidCommand':
      return internal(new Error('the state machine does not know the command'));
  }
}

/** The lock was granted, and the grant is over by now. */
export function grantEnded(name: string, token: number): ServiceError {
  const message = `the grant of lock "${name}" with token ${token} is over: released, expired or taken away`;
  return failedPrecondition('GRANT_ENDED', message, {
    metadata: { lock: name, fencing_token: String(token) },
  });
}

/** The session ended while the call waited. */
export function sessionEnded(sessionId: string): ServiceError {
  const message = `session "${sessionId}" ended while the call waited for the lock`;
  return failedPrecondition('SESSION_EXPIRED', message, { metadata: { session_id: sessionId } });
}

/** Another call with the same request id waits in this one's place. */
export function superseded(): ServiceError {
  return aborted('SUPERSEDED', 'another call with the same request_id has taken over');
}

/** This replica is about to stop, and the call can be made again elsewhere without harm. */
export function draining(): ServiceError {
  const message = 'this replica is about to stop; call another one';
  return unavailable('DRAINING', message, { retryDelayMs: 100, unprocessed: true });
}

/** A result that no code path leads to. */
export function unexpected(outcome: LockOutcome): ServiceError {
  return internal(new Error(`a command was answered with ${outcome.kind}`));
}
