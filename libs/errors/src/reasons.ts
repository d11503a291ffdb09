import { Code } from './code';
import { GATEWAY_REASONS } from './gateway-reasons';
import { type ReasonEntry } from './reason-entry';

/**
 * Every reason that the suite's services answer with, in ErrorInfo.reason with the domain `raftway`. `docs/reference/errors.md` is this
 * table, and no service uses a reason that is not in it (a spec compares both). A reason's meaning never changes; a new condition gets a
 * new reason.
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
  NOT_LEADER: {
    code: Code.failedPrecondition,
    meaning:
      'Only the leader of the Raft group does this. Metadata has `leader_id` and `leader_peer_address` if one is known.',
    remedy: 'Ask the replica that leads; nothing happened.',
  },
  CHANGE_IN_PROGRESS: {
    code: Code.failedPrecondition,
    meaning: 'The members of the Raft group are being changed already; nothing happened.',
    remedy: 'Try again when GetStatus shows that the change is complete.',
  },
  INVALID_CHANGE: {
    code: Code.failedPrecondition,
    meaning:
      'The change does not fit the present members of the Raft group; the message is the rule.',
    remedy: 'Look at the members in GetStatus. Sending the same request again fails again.',
  },
  NOT_CAUGHT_UP: {
    code: Code.failedPrecondition,
    meaning:
      'The server is too far behind, or out of reach, to become a voter yet. One that was added stays a learner.',
    remedy:
      'Wait: it becomes a voter by itself once it has caught up. Look at its lag in GetStatus, and at its log.',
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
  GRANT_ENDED: {
    code: Code.failedPrecondition,
    meaning:
      'The request_id was granted the lock, and that grant is over: released, expired or taken away.',
    remedy: 'Stop the work that the lock guards; acquire again with a new request_id.',
  },
  SESSION_EXPIRED: {
    code: Code.failedPrecondition,
    meaning: 'The session ended while the call waited for the lock.',
    remedy: 'Open a new session, keep it alive while waiting, and acquire again.',
  },
  SUPERSEDED: {
    code: Code.aborted,
    meaning: "Another call with the same request_id waits in this one's place.",
    remedy: 'None in this call: the other one gets the answer.',
  },
  EPOCH_MISMATCH: {
    code: Code.failedPrecondition,
    meaning:
      "RAFTWAY_ID_EPOCH of this replica is not the epoch that the group's ids count from; metadata has both.",
    remedy:
      "Set RAFTWAY_ID_EPOCH to the group's epoch and restart the replica. Meanwhile call another one.",
  },
  FAILED_PRECONDITION: {
    code: Code.failedPrecondition,
    meaning: 'The state does not allow the operation.',
    remedy: 'Read the state and decide anew.',
  },
  EPOCH_EXHAUSTED: {
    code: Code.outOfRange,
    meaning: '41 bits of milliseconds after the epoch are used up; no later id fits.',
    remedy: 'Found a new id group with a later RAFTWAY_ID_EPOCH.',
  },
  SEQUENCE_EXHAUSTED: {
    code: Code.outOfRange,
    meaning: 'The sequence would pass the largest 64-bit number.',
    remedy: 'Continue with a sequence of another name.',
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
  TOO_MANY_WATCHERS: {
    code: Code.resourceExhausted,
    meaning: 'As many streams watch the health of the gateway as may.',
    remedy: 'Close streams that are not needed, or poll with Check.',
  },
  NO_LEADER: {
    code: Code.unavailable,
    meaning: 'The Raft group has no leader that this replica knows. Nothing happened.',
    remedy:
      'Try again; an election takes about a second. If it lasts, see whether a majority of replicas runs.',
  },
  BACKEND_UNAVAILABLE: {
    code: Code.unavailable,
    meaning: 'What the service keeps its state in cannot be used now. Nothing happened.',
    remedy: 'Try again; if it lasts, see whether that backend (such as Redis) runs.',
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
  TOO_STALE: {
    code: Code.unavailable,
    meaning:
      'What this replica has is older than the call allows, or its age is not known; nothing was read.',
    remedy: 'Call another replica, allow a greater age, or read linearizably.',
  },
  NO_WORKER_LEASE: {
    code: Code.unavailable,
    meaning:
      'The replica may not make ids: it has no worker number, or used up what it was granted; the message says why.',
    remedy:
      'Try again, or call another replica. If it lasts, see whether a majority of replicas runs.',
  },
  CLOCK_AHEAD: {
    code: Code.unavailable,
    meaning:
      'Ids would lie too far in the future: the clock of this replica is ahead of most, or ids are made faster than time passes.',
    remedy: 'Try again shortly. If it lasts, correct the clock of the replica.',
  },
  LOCK_HELD: {
    code: Code.unavailable,
    meaning: 'The lock that the method needs for itself was not free in time.',
    remedy: 'Try again, or allow more time.',
  },
  UNAVAILABLE: {
    code: Code.unavailable,
    meaning: 'The server cannot be reached, or the connection ended before an answer.',
    remedy: 'Check address and network. A call without answer may have had its effect.',
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
  CALLER_LOST: {
    code: Code.cancelled,
    meaning: 'The caller’s connection ended, so that nobody can hear the answer.',
    remedy: 'None is needed: it stands in logs only. The caller may come back with its request_id.',
  },
  UNIMPLEMENTED: {
    code: Code.unimplemented,
    meaning: 'The server has no such method.',
    remedy: 'Check the address and the .proto version.',
  },
  ENCODING_UNSUPPORTED: {
    code: Code.unimplemented,
    meaning:
      "Requests are compressed in a way that the server does not know; the gateway's own services take none.",
    remedy: 'Send with gzip or deflate, or without grpc-encoding.',
  },
  REQUEST_MISSING: {
    code: Code.unimplemented,
    meaning: 'The method takes one request, and the call ended without any.',
    remedy: 'Send exactly one request.',
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
  ...GATEWAY_REASONS,
} as const satisfies Record<string, ReasonEntry>;

/** A reason of the table. */
export type Reason = keyof typeof REASONS;

/** A reason of the table, or an app's own in UPPER_SNAKE_CASE: editors still complete the known ones. */
export type ReasonText = Reason | (string & {});

/** What the table says about a reason; undefined when it is not in it. */
export function describeReason(reason: string): ReasonEntry | undefined {
  return Object.hasOwn(REASONS, reason) ? REASONS[reason as Reason] : undefined;
}
