/**
 * One Acquire call against Redis, from its script to its answer.
 *
 * The problem is that of the Raft backend's Acquisition, and so is the answer: the lock belongs to the caller from the moment the script
 * has run, whether or not the caller hears of it, so that each early end of a call takes the attempt back by the call's nonce. What is
 * different: a script may still be on its way over a connection that was lost. A cancellation that finds nothing therefore leaves a note
 * with the nonce, and an Acquire that finds the note does nothing.
 *
 * A wait whose end cannot be asked for because Redis is away ends with OUTCOME_UNKNOWN: the lock may have been granted, and will be given
 * back, or expire.
 */
import { outcomeUnknown, ServiceError } from '@raftway/errors';
import {
  type AcquireAnswer,
  type AcquireInput,
  type BackendCall,
} from '../../service/lock-backend';
import { abortReason, graceMs, orAborted } from '../abort';
import { draining, grantEnded, superseded, toServiceError } from '../refusals';
import { type AttemptReply } from './replies';
import { type RedisWait } from './redis-waits';

/** What takes an attempt back. */
export interface Cancellation {
  readonly name: string;
  /** '' when the call never learned it. */
  readonly attemptId: string;
  readonly nonce: string;
  readonly requestId: string;
}

/** What an acquisition works with. */
export interface RedisAcquisitionParts {
  readonly acquire: (input: AcquireInput, nonce: string) => Promise<AttemptReply>;
  /** Gives up the place of an attempt that still waits; yields how it stands otherwise. */
  readonly giveUp: (attemptId: string, nonce: string) => Promise<AttemptReply>;
  readonly cancel: (cancellation: Cancellation) => Promise<unknown>;
  readonly cancelInBackground: (cancellation: Cancellation, afterMs: number) => void;
  /** Begins to listen for the nonce. */
  readonly openWait: (nonce: string) => RedisWait;
}

export class RedisAcquisition {
  /** @param nonce Random text that names this call. */
  constructor(
    private readonly input: AcquireInput,
    private readonly call: BackendCall,
    private readonly nonce: string,
    private readonly parts: RedisAcquisitionParts,
  ) {}

  /** @throws ServiceError */
  async run(): Promise<AcquireAnswer> {
    this.call.signal.throwIfAborted();
    const wait = this.input.waitMs > 0 ? this.parts.openWait(this.nonce) : undefined;
    try {
      const reply = await this.firstReply();
      return reply.kind === 'waiting' && wait !== undefined
        ? await this.wait(wait, reply.attemptId)
        : this.answer(reply);
    } finally {
      wait?.close();
    }
  }

  /** Leaves when the call is aborted: the script goes on by itself, and what it took is given back. */
  private async firstReply(): Promise<AttemptReply> {
    const { signal } = this.call;
    const acquiring = this.parts.acquire(this.input, this.nonce);
    try {
      return await orAborted(acquiring, signal);
    } catch (error) {
      if (!signal.aborted && (hadNoEffect(error) || this.input.requestId !== '')) throw error;
      // Only now, so that the cancellation comes after the Acquire on the same connection.
      acquiring.then(
        (reply) => this.cancelInBackground(attemptIdOf(reply)),
        (failure: unknown) => {
          if (!hadNoEffect(failure)) this.cancelInBackground('');
        },
      );
      throw signal.aborted ? abortReason(signal) : error;
    }
  }

  private async wait(wait: RedisWait, attemptId: string): Promise<AcquireAnswer> {
    const { call, input } = this;
    const timeoutMs = Math.min(input.waitMs, call.deadlineMs ?? input.waitMs);
    const end = await wait.until(attemptId, { timeoutMs, signal: call.signal });
    switch (end.why) {
      case 'standing':
        if (!call.signal.aborted) return this.answer(end.standing);
        this.cancelInBackground(attemptId);
        throw abortReason(call.signal);
      case 'timeout':
        return this.giveUp(attemptId);
      case 'aborted':
        this.cancelInBackground(attemptId);
        throw abortReason(call.signal);
      case 'draining':
        // Made again before that it would wait behind itself.
        if (input.requestId === '') await this.parts.cancel(this.cancellation(attemptId));
        throw draining();
      case 'away':
        if (input.requestId === '') this.cancelInBackground(attemptId);
        throw this.unknown();
    }
  }

  private async giveUp(attemptId: string): Promise<AcquireAnswer> {
    try {
      return this.answer(await this.parts.giveUp(attemptId, this.nonce));
    } catch (error) {
      if (error instanceof ServiceError && error.codeName !== 'UNAVAILABLE') throw error;
      // It may have been granted a moment ago.
      if (this.input.requestId === '') this.cancelInBackground(attemptId);
      throw this.unknown(error);
    }
  }

  private answer(reply: AttemptReply): AcquireAnswer {
    switch (reply.kind) {
      case 'acquired':
        return { ...reply, acquired: true };
      case 'notAcquired':
        return { ...reply, acquired: false };
      case 'rejected':
        if (reply.reason === 'grantEnded') throw grantEnded(this.input.name, reply.value);
        throw toServiceError(reply, this.input);
      case 'superseded':
        throw superseded();
      case 'waiting':
      case 'gone':
        // Whatever it was, the caller does not have it.
        this.cancelInBackground('');
        throw this.unknown();
    }
  }

  private unknown(cause?: unknown): ServiceError {
    const message = `what became of the wait for lock "${this.input.name}" is not known: Redis was away`;
    return outcomeUnknown(message, { retryDelayMs: 500, cause });
  }

  private cancelInBackground(attemptId: string): void {
    const afterMs = graceMs(this.input.requestId, this.call.signal);
    this.parts.cancelInBackground(this.cancellation(attemptId), afterMs);
  }

  private cancellation(attemptId: string): Cancellation {
    const { name, requestId } = this.input;
    return { name, attemptId, nonce: this.nonce, requestId };
  }
}

function attemptIdOf(reply: AttemptReply): string {
  return reply.kind === 'waiting' || reply.kind === 'acquired' ? reply.attemptId : '';
}

function hadNoEffect(error: unknown): boolean {
  return error instanceof ServiceError && error.reason === 'BACKEND_UNAVAILABLE';
}
