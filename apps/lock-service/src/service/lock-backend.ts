import { type LockMetadata } from '../domain/model';
import { type HolderView } from '../domain/results';
import { type LockView } from '../domain/views';

/** The part of a call that a backend needs. `signal` aborts when the caller cancels or its deadline passes; its reason is the error. */
export interface BackendCall {
  readonly signal: AbortSignal;
  /** Milliseconds that remain; undefined when the caller set no deadline. */
  readonly deadlineMs: number | undefined;
}

/** A validated Acquire. */
export interface AcquireInput {
  readonly name: string;
  /** '' opens a session that lives as long as the hold. */
  readonly sessionId: string;
  /** '' stands for the session. */
  readonly ownerId: string;
  readonly ttlMs: number;
  /** 0 tries once. */
  readonly waitMs: number;
  /** '' when the caller gave none. */
  readonly requestId: string;
  readonly metadata: LockMetadata;
}

/** What became of an Acquire. */
export type AcquireAnswer =
  | {
      readonly acquired: true;
      readonly sessionId: string;
      readonly token: number;
      readonly holdCount: number;
    }
  | {
      readonly acquired: false;
      readonly queuePosition: number;
      readonly holders: readonly HolderView[];
    };

/**
 * Where locks are kept: all that the gRPC service knows of it. Its methods get validated input and throw ServiceError.
 *
 * Whatever the backend: a token grows with every grant of a lock, waiters are served in the order in which they came, and an acquire whose
 * call was aborted does not keep the lock.
 */
export interface LockBackend {
  /** What a grant is worth; told to every caller. */
  readonly guarantee: 'linearizable' | 'bestEffort';
  openSession(
    input: { readonly ttlMs: number; readonly requestId: string },
    call: BackendCall,
  ): Promise<{ readonly sessionId: string; readonly ttlMs: number }>;
  /** Yields the time to live that starts again, or 0 when the session is gone. */
  renewSession(sessionId: string): Promise<number>;
  /** Yields how many locks the session held. */
  closeSession(
    input: { readonly sessionId: string; readonly requestId: string },
    call: BackendCall,
  ): Promise<number>;
  acquire(input: AcquireInput, call: BackendCall): Promise<AcquireAnswer>;
  /** Yields how often the owner still holds the lock. A token of 0 fits every grant. */
  release(
    input: {
      readonly name: string;
      readonly sessionId: string;
      readonly ownerId: string;
      readonly token: number;
      readonly requestId: string;
    },
    call: BackendCall,
  ): Promise<number>;
  /** Yields who held the lock. */
  forceRelease(
    input: { readonly name: string; readonly reason: string; readonly requestId: string },
    call: BackendCall,
  ): Promise<readonly HolderView[]>;
  lock(name: string, call: BackendCall): Promise<LockView>;
  /** Held locks in the order of their names: at most `count` that begin with `prefix` and come after `after`. Read it at once. */
  locks(
    page: { readonly prefix: string; readonly after: string; readonly count: number },
    call: BackendCall,
  ): Promise<Iterable<LockView>>;
  /** The token of the newest grant, and whether that grant holds the lock now. */
  currentToken(
    name: string,
    call: BackendCall,
  ): Promise<{ readonly token: number; readonly held: boolean }>;
}
