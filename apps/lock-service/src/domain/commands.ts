import { type LockMetadata } from './model';

/** What every command of a caller carries: a hash of what it asks for, so that a request id used for something else is noticed. */
interface Fingerprinted {
  readonly fingerprint: number;
}

export interface OpenSession extends Fingerprinted {
  readonly kind: 'openSession';
  /** Random text that makes the session's id hard to guess. */
  readonly nonce: string;
  readonly ttlMs: number;
}

/** Renews many sessions with one entry. */
export interface RenewSessions {
  readonly kind: 'renewSessions';
  readonly sessionIds: readonly string[];
}

export interface CloseSession extends Fingerprinted {
  readonly kind: 'closeSession';
  readonly sessionId: string;
}

export interface Acquire extends Fingerprinted {
  readonly kind: 'acquire';
  readonly name: string;
  /** '' opens an implicit session at the grant. */
  readonly sessionId: string;
  /** '' stands for the session. */
  readonly ownerId: string;
  /** Of the implicit session. */
  readonly ttlMs: number;
  /** 0 tries once. */
  readonly waitMs: number;
  readonly requestId: string;
  /** Random text: names this call, and is part of the implicit session's id. */
  readonly nonce: string;
  readonly metadata: LockMetadata;
}

/**
 * Takes the attempt of one call back: out of the queue, or, when it was granted meanwhile, out of the lock. Has no effect once another
 * call with the same request id has taken the attempt over.
 */
export interface CancelWait {
  readonly kind: 'cancelWait';
  readonly name: string;
  /** 0 when the caller never learned it. */
  readonly attemptId: number;
  /** The nonce of the Acquire that is taken back. */
  readonly attachment: string;
}

export interface Release extends Fingerprinted {
  readonly kind: 'release';
  readonly name: string;
  readonly sessionId: string;
  /** '' stands for the session. */
  readonly ownerId: string;
  /** 0 fits every token. */
  readonly token: number;
}

export interface ForceRelease extends Fingerprinted {
  readonly kind: 'forceRelease';
  readonly name: string;
  readonly reason: string;
}

/** Everything that changes the lock state. */
export type LockCommand =
  OpenSession | RenewSessions | CloseSession | Acquire | CancelWait | Release | ForceRelease;
