import { type LockMetadata } from '../../domain/model';
import { type HolderView, type Rejected, type RejectionReason } from '../../domain/results';
import { type LockView, type WaiterView } from '../../domain/views';

/** What the scripts of an Acquire answer. */
export type AttemptReply =
  | {
      readonly kind: 'acquired';
      readonly attemptId: string;
      readonly sessionId: string;
      readonly token: number;
      readonly holdCount: number;
    }
  | { readonly kind: 'waiting'; readonly attemptId: string }
  | {
      readonly kind: 'notAcquired';
      readonly queuePosition: number;
      readonly holders: readonly HolderView[];
    }
  | { readonly kind: 'superseded' }
  /** Nothing is known of the attempt (any more). */
  | { readonly kind: 'gone' }
  | Rejected;

const REJECTION_REASONS: ReadonlySet<string> = new Set<RejectionReason>([
  'sessionNotFound',
  'notHolder',
  'tokenMismatch',
  'limitReached',
  'requestIdReused',
  'grantEnded',
  'sessionEnded',
]);

/** @throws Error when it is none. */
export function attemptReply(reply: unknown): AttemptReply {
  const [kind, ...fields] = texts(reply);
  const [first = '', second = '', third = '', fourth = ''] = fields;
  switch (kind) {
    case 'acquired':
      return {
        kind,
        attemptId: first,
        sessionId: second,
        token: Number(third),
        holdCount: Number(fourth),
      };
    case 'waiting':
      return { kind, attemptId: first };
    case 'notAcquired':
      return { kind, queuePosition: Number(first), holders: holders(fields.slice(1)) };
    case 'superseded':
    case 'gone':
      return { kind };
    case 'rejected':
      return rejection(fields);
    default:
      throw unreadable(reply);
  }
}

/** Either a rejection, or the fields behind the expected kind. @throws Error when it is neither. */
export function commandReply(reply: unknown, expected: string): Rejected | readonly string[] {
  const [kind, ...fields] = texts(reply);
  if (kind === expected) return fields;
  if (kind === 'rejected') return rejection(fields);
  throw unreadable(reply);
}

/** True for the one thing that {@link commandReply} yields when the command was refused. */
export function isRejected(reply: Rejected | readonly string[]): reply is Rejected {
  return !Array.isArray(reply);
}

/** The holder in a script's flat texts, if there is one. */
export function holders(fields: readonly string[]): HolderView[] {
  const [sessionId, ownerId, token, holdCount, heldForMs, expiresInMs, metadata] = fields;
  if (sessionId === undefined || ownerId === undefined) return [];
  return [
    {
      sessionId,
      ownerId,
      token: Number(token),
      holdCount: Number(holdCount),
      heldForMs: Number(heldForMs),
      expiresInMs: Number(expiresInMs),
      metadata: readMetadata(metadata),
    },
  ];
}

/** One lock as a script shows it. */
export function lockView(reply: unknown): LockView {
  const [name, token, holder, waiters] = list(reply);
  if (typeof name !== 'string') throw unreadable(reply);
  return {
    name,
    holders: holders(texts(holder)),
    waiters: list(waiters).map(waiterView),
    currentToken: Number(token),
  };
}

/** A reply that is a list of texts. @throws Error when it is something else. */
export function texts(reply: unknown): readonly string[] {
  const items = list(reply);
  if (items.every((item) => typeof item === 'string')) return items;
  throw unreadable(reply);
}

/** A reply that is a list. @throws Error when it is something else. */
export function list(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unreadable(reply);
}

function waiterView(reply: unknown, at: number): WaiterView {
  const [sessionId = '', ownerId = '', waitingForMs, metadata] = texts(reply);
  return {
    sessionId,
    ownerId,
    queuePosition: at + 1,
    waitingForMs: Number(waitingForMs),
    metadata: readMetadata(metadata),
  };
}

function rejection(fields: readonly string[]): Rejected {
  const [reason = '', limitName = '', limit, value] = fields;
  if (!isReason(reason)) throw unreadable(fields);
  return {
    kind: 'rejected',
    reason,
    limitName,
    limit: Number(limit),
    value: Number(value),
  };
}

function isReason(text: string): text is RejectionReason {
  return REJECTION_REASONS.has(text);
}

/** Written by {@link writeMetadata}. */
function readMetadata(text = '[]'): LockMetadata {
  const entries = JSON.parse(text) as unknown;
  return list(entries).map((entry) => {
    const [key = '', value = ''] = texts(entry);
    return [key, value] as const;
  });
}

/** Metadata as a lock's record keeps them. */
export function writeMetadata(metadata: LockMetadata): string {
  return JSON.stringify(metadata);
}

function unreadable(reply: unknown): Error {
  return new Error(`a script answered ${JSON.stringify(reply)?.slice(0, 200)}`);
}
