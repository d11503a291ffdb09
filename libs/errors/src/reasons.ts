import { Code } from './code';

/** One reason: the code that it comes with, what happened, and what a caller does about it. */
export interface ReasonEntry {
  readonly code: Code;
  readonly meaning: string;
  readonly remedy: string;
}

/**
 * Every reason that the suite's services answer with, in ErrorInfo.reason with the domain `raftway`. `docs/reference/errors.md` is this
 * table (a spec compares them). A reason's meaning never changes; a new condition gets a new reason.
 */
export const REASONS = {
  INVALID_ARGUMENT: {
    code: Code.invalidArgument,
    meaning: 'One or more fields of the request are wrong; each has a field violation.',
    remedy: 'Correct the named fields. Sending the same request again fails again.',
  },
  MALFORMED_REQUEST: {
    code: Code.invalidArgument,
    meaning: 'The bytes are not the protobuf message that the method takes.',
    remedy: 'Check that caller and server use the same .proto, and that no proxy changes the body.',
  },
  MESSAGE_TOO_LARGE: {
    code: Code.resourceExhausted,
    meaning:
      'A message is larger than the server accepts; metadata has `limit` and `size` in bytes.',
    remedy: 'Send less in one message, or use a streaming or paged method.',
  },
  SESSION_NOT_FOUND: {
    code: Code.notFound,
    meaning: 'The session has ended, or never existed.',
    remedy: 'Open a new session. Locks of the old one are gone: stop the work they guarded.',
  },
  LEASE_NOT_FOUND: {
    code: Code.notFound,
    meaning: 'The registration or worker lease has ended, or never existed.',
    remedy: 'Register or lease again.',
  },
  LOCK_NOT_FOUND: {
    code: Code.notFound,
    meaning: 'Nobody holds or waits for the lock.',
    remedy: 'Acquire it first.',
  },
  INSTANCE_NOT_FOUND: {
    code: Code.notFound,
    meaning: 'The service has no such instance.',
    remedy: 'Register it, or look up the service to see what it has.',
  },
  KEY_NOT_FOUND: {
    code: Code.notFound,
    meaning: 'The key has no value.',
    remedy: 'Put one, or treat it as absent.',
  },
  SERVICE_NOT_FOUND: {
    code: Code.notFound,
    meaning: 'The health protocol was asked for a service that this server does not have.',
    remedy: 'Ask for one that the List method names.',
  },
  TRANSFER_FAILED: {
    code: Code.failedPrecondition,
    meaning: 'Leadership of the Raft group did not move; the message says why.',
    remedy: 'Look at RaftAdminService.GetStatus and try again, or name another target.',
  },
  MEMBER_NOT_FOUND: {
    code: Code.notFound,
    meaning: 'The Raft group has no such member.',
    remedy: 'RaftAdminService.GetStatus lists the members.',
  },
  ALREADY_EXISTS: {
    code: Code.alreadyExists,
    meaning: 'What was to be created is there already.',
    remedy: 'Use it, or choose another name.',
  },
  NOT_HOLDER: {
    code: Code.failedPrecondition,
    meaning: 'The caller does not hold the lock that it acts on.',
    remedy: 'Stop the work that the lock guards; acquire again.',
  },
  TOKEN_MISMATCH: {
    code: Code.failedPrecondition,
    meaning: 'The fencing token is not that of the current hold.',
    remedy: 'Stop the work that the lock guards: somebody else has held it since.',
  },
  NOT_LEADER: {
    code: Code.failedPrecondition,
    meaning: 'The caller is not the elected leader it says it is.',
    remedy: 'Campaign again.',
  },
  FAILED_PRECONDITION: {
    code: Code.failedPrecondition,
    meaning: 'The state does not allow the operation.',
    remedy: 'Read the state and decide anew.',
  },
  REVISION_COMPACTED: {
    code: Code.outOfRange,
    meaning: 'The revision is older than the history that is kept.',
    remedy: 'Start again from a snapshot.',
  },
  REVISION_MISMATCH: {
    code: Code.aborted,
    meaning: 'The value changed since the revision that the request names.',
    remedy: 'Read again and repeat the whole read-modify-write.',
  },
  REQUEST_ID_REUSED: {
    code: Code.invalidArgument,
    meaning: 'The request_id was used before for a different request.',
    remedy: 'Make a new request_id for each new request; repeat it only for the same one.',
  },
  QUEUE_FULL: {
    code: Code.resourceExhausted,
    meaning: 'A queue is at its limit. Nothing happened.',
    remedy: 'Send less, or wait for retryDelay and try again.',
  },
  LIMIT_REACHED: {
    code: Code.resourceExhausted,
    meaning: 'A configured limit is reached; metadata has `limit`.',
    remedy: 'Remove what is not needed, or raise the limit.',
  },
  TOO_MANY_CALLS: {
    code: Code.resourceExhausted,
    meaning: 'The server handles as many calls as it may. Nothing happened.',
    remedy: 'Wait and try again, or add instances.',
  },
  NO_LEADER: {
    code: Code.unavailable,
    meaning: 'The Raft group has no leader that this replica knows. Nothing happened.',
    remedy:
      'Try again; an election takes about a second. If it lasts, see whether a majority of replicas runs.',
  },
  OUTCOME_UNKNOWN: {
    code: Code.unavailable,
    meaning: 'The change may or may not have happened.',
    remedy:
      'Repeat it with the same request_id, or read the state. Without a request_id do not repeat blindly.',
  },
  DRAINING: {
    code: Code.unavailable,
    meaning: 'The server is about to stop.',
    remedy: 'Call another instance.',
  },
  NOT_READY: {
    code: Code.unavailable,
    meaning: 'The server is still starting, or has stopped.',
    remedy: 'Try again, or call another instance.',
  },
  UNAVAILABLE: {
    code: Code.unavailable,
    meaning: 'The server cannot be reached, or the connection ended before an answer.',
    remedy: 'Check address and network. A call without answer may have had its effect.',
  },
  NO_INSTANCES: {
    code: Code.unavailable,
    meaning: 'The registry knows no live instance of the service.',
    remedy: 'Start one, or see with `raftway services` why it is not live.',
  },
  DEADLINE_EXCEEDED: {
    code: Code.deadlineExceeded,
    meaning: 'The time for the call ran out; a change may or may not have happened.',
    remedy: 'Repeat with the same request_id, or allow more time.',
  },
  CANCELLED: {
    code: Code.cancelled,
    meaning: 'The caller gave up.',
    remedy: 'None is needed.',
  },
  UNIMPLEMENTED: {
    code: Code.unimplemented,
    meaning: 'The server has no such method.',
    remedy: 'Check the address and the .proto version.',
  },
  CLOCK_MOVED_BACK: {
    code: Code.unavailable,
    meaning: "The machine's clock is behind what was already used for ids.",
    remedy: 'Wait for the clock to catch up, or correct it.',
  },
  INTERNAL: {
    code: Code.internal,
    meaning: 'The server failed in a way that it did not foresee; its log has the cause.',
    remedy: 'Look into the log of the server; report it.',
  },
  UNKNOWN: {
    code: Code.unknown,
    meaning: 'The other side answered with a status without a reason.',
    remedy: 'See its message.',
  },
} as const satisfies Record<string, ReasonEntry>;

/** A reason of the table. */
export type Reason = keyof typeof REASONS;

/** A reason of the table, or an app's own in UPPER_SNAKE_CASE: editors still complete the known ones. */
export type ReasonText = Reason | (string & {});

/** What the table says about a reason; undefined when it is not in it. */
export function describeReason(reason: string): ReasonEntry | undefined {
  return Object.hasOwn(REASONS, reason) ? REASONS[reason as Reason] : undefined;
}
