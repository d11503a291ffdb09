import { requestIdReused } from '@raftway/errors';
import { type Logger } from '@raftway/observability';
import { fingerprint } from '@raftway/raft/state-machine';
import { ownCall, RenewalBatcher, type Replica, type ReplicaCall } from '@raftway/service-kit';
import { encodeCommand } from '../domain/command-codec';
import { type CancelWait, type LockCommand } from '../domain/commands';
import { type LockStateMachine } from '../domain/lock-state-machine';
import { type HolderView, type LockOutcome, type LockResult } from '../domain/results';
import { type LockView } from '../domain/views';
import {
  type AcquireAnswer,
  type AcquireInput,
  type BackendCall,
  type LockBackend,
} from '../service/lock-backend';
import { Acquisition } from './acquisition';
import { PendingWaits } from './pending-waits';
import { randomText } from './random-text';
import { draining, type Subject, toServiceError, unexpected } from './refusals';
import { WaitCanceller } from './wait-canceller';

/** How long a stopping replica tries to cancel what waited, in milliseconds. */
const DRAIN_CANCEL_TIMEOUT_MS = 3_000;

/** Waiters of each lock that a list shows. */
const LISTED_WAITERS_MAX = 100;

/** What {@link RaftLockBackend} works with. */
export interface RaftLockBackendParts {
  readonly replica: Pick<Replica<LockResult>, 'propose' | 'read' | 'node'>;
  readonly stateMachine: LockStateMachine;
  readonly logger: Logger;
}

/**
 * Locks in our own Raft group. Changes are commands to the replicated state machine; a call that waits hears of its grant when this
 * replica applies it, and reads ask the leader first whether the local state is new enough.
 */
export class RaftLockBackend implements LockBackend {
  readonly guarantee = 'linearizable';
  private readonly waits = new PendingWaits();
  private readonly canceller: WaitCanceller<Omit<CancelWait, 'kind'>>;
  private readonly renewals: RenewalBatcher;
  private isDraining = false;

  constructor(private readonly parts: RaftLockBackendParts) {
    this.canceller = new WaitCanceller(async (cancellation) => {
      const command: CancelWait = { kind: 'cancelWait', ...cancellation };
      const outcome = await this.propose(command, ownCall(), '');
      if (outcome.kind !== 'waitCancelled') throw unexpected(outcome);
      return outcome;
    }, parts.logger);
    this.renewals = new RenewalBatcher(async (sessionIds) => {
      const outcome = await this.propose({ kind: 'renewSessions', sessionIds }, ownCall(), '');
      if (outcome.kind !== 'sessionsRenewed') throw unexpected(outcome);
      return outcome.ttlsMs;
    });
    parts.stateMachine.listen({
      onAttemptChanged: (attempt) => this.waits.changed(attempt.id),
      onRestored: () => this.waits.allChanged(),
    });
  }

  /** Calls of this replica that wait for a lock. */
  get waitingCalls(): number {
    return this.waits.size;
  }

  /**
   * Ends waiting calls with UNAVAILABLE `DRAINING`, and lets no further call wait. Those with a request id keep their place for a retry on
   * another replica; those without are taken out of their queues, which is what this waits for.
   */
  async drain(): Promise<void> {
    this.isDraining = true;
    this.waits.drain();
    // The calls that have just been woken start their cancellations now.
    await new Promise(setImmediate);
    await this.canceller.drain(DRAIN_CANCEL_TIMEOUT_MS);
  }

  async openSession(
    { ttlMs, requestId }: { readonly ttlMs: number; readonly requestId: string },
    call: BackendCall,
  ): Promise<{ readonly sessionId: string; readonly ttlMs: number }> {
    const command: LockCommand = {
      kind: 'openSession',
      fingerprint: fingerprint('openSession', String(ttlMs)),
      nonce: randomText(),
      ttlMs,
    };
    const outcome = await this.propose(command, call, requestId);
    if (outcome.kind !== 'sessionOpened') throw refusal(outcome, {});
    return outcome;
  }

  renewSession(sessionId: string): Promise<number> {
    return this.renewals.renew(sessionId);
  }

  async closeSession(
    { sessionId, requestId }: { readonly sessionId: string; readonly requestId: string },
    call: BackendCall,
  ): Promise<number> {
    const command: LockCommand = {
      kind: 'closeSession',
      fingerprint: fingerprint('closeSession', sessionId),
      sessionId,
    };
    const outcome = await this.propose(command, call, requestId);
    if (outcome.kind !== 'sessionClosed') throw refusal(outcome, { sessionId });
    return outcome.locksReleased;
  }

  async acquire(input: AcquireInput, call: BackendCall): Promise<AcquireAnswer> {
    if (this.isDraining && input.waitMs > 0) throw draining();
    const acquisition = new Acquisition(input, call, randomText(), {
      // No caller ends this proposal: to take an attempt back one has to know what became of it.
      propose: (command) => this.propose(command, ownCall(), ''),
      stateMachine: this.parts.stateMachine,
      waits: this.waits,
      canceller: this.canceller,
    });
    return acquisition.run();
  }

  async release(input: Parameters<LockBackend['release']>[0], call: BackendCall): Promise<number> {
    const { name, sessionId, ownerId, token, requestId } = input;
    const command: LockCommand = {
      kind: 'release',
      fingerprint: fingerprint('release', name, sessionId, ownerId, String(token)),
      name,
      sessionId,
      ownerId,
      token,
    };
    const outcome = await this.propose(command, call, requestId);
    if (outcome.kind !== 'released') throw refusal(outcome, { name, sessionId });
    return outcome.holdCount;
  }

  async forceRelease(
    input: Parameters<LockBackend['forceRelease']>[0],
    call: BackendCall,
  ): Promise<readonly HolderView[]> {
    const { name, reason, requestId } = input;
    const command: LockCommand = {
      kind: 'forceRelease',
      fingerprint: fingerprint('forceRelease', name),
      name,
      reason,
    };
    const outcome = await this.propose(command, call, requestId);
    if (outcome.kind !== 'forceReleased') throw refusal(outcome, { name });
    return outcome.holders;
  }

  async lock(name: string, call: BackendCall): Promise<LockView> {
    const { replica, stateMachine } = this.parts;
    await replica.read(call);
    return stateMachine.lock(name, this.nowMs());
  }

  async locks(
    page: Parameters<LockBackend['locks']>[0],
    call: BackendCall,
  ): Promise<Iterable<LockView>> {
    const { replica, stateMachine } = this.parts;
    await replica.read(call);
    const names = stateMachine.lockNames(page.prefix, page.after, page.count);
    const nowMs = this.nowMs();
    // One at a time: the service may stop before the end of the page.
    return (function* views() {
      for (const name of names) yield stateMachine.lock(name, nowMs, LISTED_WAITERS_MAX);
    })();
  }

  async currentToken(
    name: string,
    call: BackendCall,
  ): Promise<{ readonly token: number; readonly held: boolean }> {
    const { replica, stateMachine } = this.parts;
    await replica.read(call);
    const token = stateMachine.currentToken(name);
    return { token, held: stateMachine.isHeld(name, token) };
  }

  /** For showing how long something has been held: the leader's running clock, or the newest entry's stamp. */
  private nowMs(): number {
    return Math.max(this.parts.stateMachine.nowMs, this.parts.replica.node.status().logClockMs);
  }

  private async propose(
    command: LockCommand,
    call: ReplicaCall,
    requestId: string,
  ): Promise<LockOutcome> {
    const { result } = await this.parts.replica.propose(encodeCommand(command), call, requestId);
    const expected = 'fingerprint' in command ? command.fingerprint : 0;
    // With a request id, the result may be that of an earlier request.
    if (requestId !== '' && result.fingerprint !== expected) throw requestIdReused();
    return result.outcome;
  }
}

function refusal(outcome: LockOutcome, subject: Subject) {
  return outcome.kind === 'rejected' ? toServiceError(outcome, subject) : unexpected(outcome);
}
