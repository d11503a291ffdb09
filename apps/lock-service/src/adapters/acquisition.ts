/**
 * One Acquire call, from its command to its answer.
 *
 * The problem: the lock belongs to the caller from the moment a majority has the entry, whether or not the caller ever hears of it. So each
 * way in which a call can end early has to take the attempt back, and without taking away what another call with the same request id has
 * got. The command therefore carries a nonce that names the call; a CancelWait with that nonce finds the attempt, waiting or granted, even
 * when its id never became known, and has no effect once another call has taken the attempt over.
 *
 * How a call ends:
 * - granted, tried in vain, or late by the log clock: the state says so, and nothing is left to take back;
 * - late by this replica's clock while the log does not move: CancelWait, and the answer is what that did;
 * - aborted (cancelled, deadline, connection lost): CancelWait in the background; some seconds later when the connection was lost and there is a
 *   request id, because a gateway that restarts loses the connections of callers that are there and come back at once;
 * - draining: handed back, so that it is made again at another replica: with its request id it takes its place again, without one after
 *   CancelWait has taken it out of the queue;
 * - unknown outcome of the command: CancelWait in the background, unless the caller can come back with its request id.
 */
import { type ServiceError, outcomeUnknown } from '@raftway/errors';
import { fingerprint } from '@raftway/raft/state-machine';
import { untilKnown } from '@raftway/service-kit';
import { type Acquire, type CancelWait } from '../domain/commands';
import { type LockStateMachine } from '../domain/lock-state-machine';
import { type LockOutcome } from '../domain/results';
import { type AcquireAnswer, type AcquireInput, type BackendCall } from '../service/lock-backend';
import { abortReason, graceMs, orAborted } from './abort';
import { type PendingWaits } from './pending-waits';
import {
  draining,
  grantEnded,
  sessionEnded,
  superseded,
  toServiceError,
  unexpected,
} from './refusals';
import { type WaitCanceller } from './wait-canceller';

/** How much longer than the log clock this replica's own clock waits: usually the log decides, and the queue position is exact. */
const LOG_CLOCK_GRACE_MS = 500;

/** Reasons of errors that say: the command is certainly not in the log. */
const WITHOUT_EFFECT = new Set(['NO_LEADER', 'NOT_READY', 'QUEUE_FULL', 'INVALID_ARGUMENT']);

/** What an acquisition works with. */
export interface AcquisitionParts {
  readonly propose: (command: Acquire) => Promise<LockOutcome>;
  readonly stateMachine: LockStateMachine;
  readonly waits: PendingWaits;
  readonly canceller: WaitCanceller<Omit<CancelWait, 'kind'>>;
}

export class Acquisition {
  private readonly waitMs: number;

  /** @param nonce Random text that names this call. */
  constructor(
    private readonly input: AcquireInput,
    private readonly call: BackendCall,
    private readonly nonce: string,
    private readonly parts: AcquisitionParts,
  ) {
    this.waitMs = Math.min(input.waitMs, call.deadlineMs ?? input.waitMs);
  }

  /** @throws ServiceError */
  async run(): Promise<AcquireAnswer> {
    const outcome = await this.firstOutcome();
    switch (outcome.kind) {
      case 'acquired':
        return { acquired: true, ...outcome };
      case 'notAcquired':
        return this.notAcquired(outcome.queuePosition);
      case 'waiting':
        return this.wait(outcome.attemptId);
      case 'rejected':
        throw toServiceError(outcome, this.input);
      default:
        throw unexpected(outcome);
    }
  }

  /** Proposes, and leaves when the call is aborted: the proposal goes on by itself, and what it took is given back. */
  private async firstOutcome(): Promise<LockOutcome> {
    const { signal } = this.call;
    signal.throwIfAborted();
    const command = this.command();
    const propose = () => this.parts.propose(command);
    // With a request id the state knows the attempt again.
    const proposal = this.input.requestId === '' ? propose() : untilKnown(propose);
    const outcome = await orAborted(proposal, signal).catch((error: unknown) => {
      if (!signal.aborted && (hadNoEffect(error) || this.input.requestId !== '')) throw error;
      // Only now, so that the CancelWait comes after the Acquire in the log.
      const cancel = (known?: LockOutcome) => this.cancelInBackground(attemptIdOf(known));
      proposal.then(cancel, () => cancel());
      throw signal.aborted ? abortReason(signal) : error;
    });
    return outcome;
  }

  private command(): Acquire {
    const { name, sessionId, ownerId } = this.input;
    return {
      ...this.input,
      kind: 'acquire',
      fingerprint: fingerprint('acquire', name, sessionId, ownerId),
      waitMs: Math.ceil(this.waitMs),
      nonce: this.nonce,
    };
  }

  private async wait(attemptId: number): Promise<AcquireAnswer> {
    const end = await this.parts.waits.wait(attemptId, () => this.isOver(attemptId), {
      timeoutMs: this.waitMs + LOG_CLOCK_GRACE_MS,
      signal: this.call.signal,
    });
    switch (end) {
      case 'changed':
        return this.answerFromState(attemptId);
      case 'timeout': {
        const { queuePosition } = await this.parts.canceller.cancel(this.cancellation(attemptId));
        return this.notAcquired(queuePosition);
      }
      case 'aborted':
        this.cancelInBackground(attemptId);
        throw abortReason(this.call.signal);
      case 'draining':
        // Made again before that it would wait behind itself.
        if (this.input.requestId === '')
          await this.parts.canceller.cancel(this.cancellation(attemptId));
        throw draining();
    }
  }

  /** True when there is nothing to wait for: the attempt has its outcome, is forgotten, or waits for another call. */
  private isOver(attemptId: number): boolean {
    const attempt = this.parts.stateMachine.attempt(attemptId);
    return attempt?.outcome.kind !== 'waiting' || attempt.attachment !== this.nonce;
  }

  private answerFromState(attemptId: number): AcquireAnswer {
    const { stateMachine } = this.parts;
    const { name } = this.input;
    const attempt = stateMachine.attempt(attemptId);
    if (attempt === undefined)
      throw outcomeUnknown(`what became of the wait for lock "${name}" is not known any more`);
    if (attempt.attachment !== this.nonce) throw superseded();
    const { outcome, sessionId } = attempt;
    switch (outcome.kind) {
      case 'granted':
        // It may have been taken away in the same breath; a caller is never told of a lock that it does not hold.
        if (!stateMachine.isHeld(name, outcome.token)) throw grantEnded(name, outcome.token);
        return { acquired: true, sessionId, ...outcome };
      case 'notAcquired':
        return this.notAcquired(outcome.queuePosition);
      case 'sessionExpired':
      case 'sessionClosed':
        throw sessionEnded(sessionId);
      case 'waiting':
      case 'cancelled':
        throw superseded();
    }
  }

  private notAcquired(queuePosition: number): AcquireAnswer {
    const holders = this.parts.stateMachine.holders(this.input.name);
    return { acquired: false, queuePosition, holders };
  }

  private cancelInBackground(attemptId: number): void {
    const afterMs = graceMs(this.input.requestId, this.call.signal);
    this.parts.canceller.cancelInBackground(this.cancellation(attemptId), afterMs);
  }

  private cancellation(attemptId: number) {
    return { name: this.input.name, attemptId, attachment: this.nonce };
  }
}

function attemptIdOf(outcome: LockOutcome | undefined): number {
  return outcome?.kind === 'waiting' || outcome?.kind === 'acquired' ? outcome.attemptId : 0;
}

function hadNoEffect(error: unknown): boolean {
  return WITHOUT_EFFECT.has((error as Partial<ServiceError>).reason ?? '');
}
