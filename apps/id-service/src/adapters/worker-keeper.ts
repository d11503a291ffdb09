/**
 * Keeps a worker lease alive and gives out ids under it.
 *
 * One loop asks the group for more, in the background and one command at a time, whenever the issuer says so and at least once in a third
 * of a lease. A call takes its ids from memory; only when the grant does not reach it waits for the loop's next answer.
 */
import { resourceExhausted, ServiceError, unavailable, type ErrorDetails } from '@raftway/errors';
import type { Logger } from '@raftway/observability';
import { ownCall, type Replica, type CancellableCall } from '@raftway/service-kit';
import { encodeCommand, type IdCommand } from '../domain/commands';
import type { IdIssuer } from '../domain/id-issuer';
import type { IdResult, Refused } from '../domain/results';
import type { IdObserver } from '../metrics';

/** How often the loop looks whether more is needed, in milliseconds; a call that needs more wakes it at once. */
const LOOK_INTERVAL_MS = 200;
/** Wait after a refusal or a failure, in milliseconds: doubled each time. */
const RETRY_DELAY_MIN_MS = 100;
const RETRY_DELAY_MAX_MS = 1_000;
/** How long one ask may take, in milliseconds. */
const ASK_TIMEOUT_MS = 2_000;
/** How long giving the worker back may hold up an orderly stop, in milliseconds. */
const RETURN_TIMEOUT_MS = 1_000;
/** How long a call waits for ids at most, in milliseconds. */
const WAIT_MAX_MS = 5_000;
/** The part of a call's remaining time that it may wait: the rest is for telling the caller why there are no ids, before it gives up. */
const WAIT_SHARE = 0.9;
/** How many calls may wait. Each holds at most one batch of ids. */
const WAITING_CALLS_MAX = 1_000;

/** What a keeper is made from. */
export interface WorkerKeeperInput {
  readonly issuer: IdIssuer;
  readonly propose: Replica<IdResult>['propose'];
  /** Turns a refusal into what callers are told. */
  readonly explain: (refusal: Refused) => ServiceError;
  /** The machine's wall clock, in Unix milliseconds. */
  readonly wallClockMs: () => number;
  /** Length of the worker lease on the log clock, in milliseconds. */
  readonly leaseMs: number;
  readonly logger: Logger;
  readonly observer: IdObserver;
}

/** See the top of this file. */
export class WorkerKeeper {
  private readonly stopping = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  private readonly waiting = new Set<() => void>();
  private endPause: (() => void) | undefined;
  private problemNow: ServiceError | undefined;
  /** By this process's monotonic clock. */
  private lastGrantMs = -Infinity;
  private retryDelayMs = RETRY_DELAY_MIN_MS;

  constructor(private readonly input: WorkerKeeperInput) {}

  /** Why the last ask brought nothing; undefined when it did. */
  get problem(): ServiceError | undefined {
    return this.problemNow;
  }

  /** Begins to ask for a worker. Does not wait for one: the group may not have a leader yet. */
  start(): void {
    this.loop = this.run();
  }

  /** Ends the loop and gives the worker back, within a bounded time. */
  async stop(): Promise<void> {
    this.stopping.abort(unavailable('DRAINING', 'this replica is stopping'));
    this.endPause?.();
    this.wakeWaiting();
    await this.loop;
    const command = this.input.issuer.returnCommand();
    if (command === undefined) return;
    try {
      await this.propose(command, RETURN_TIMEOUT_MS);
    } catch (error) {
      // The lease ends by itself, and the next start of this instance takes the worker over.
      this.input.logger.info('worker not given back', { error });
    }
  }

  /**
   * Exactly `count` ids, strictly growing: from memory, or after waiting for a grant until the call's deadline.
   * @throws ServiceError UNAVAILABLE, or what keeps the group from granting, when the wait was in vain.
   */
  async take(count: number, call: CancellableCall): Promise<bigint[]> {
    const ids = this.takeNow(count);
    if (ids.length === count) return ids;
    this.input.observer.waited();
    if (this.waiting.size >= WAITING_CALLS_MAX) {
      throw resourceExhausted('QUEUE_FULL', `${WAITING_CALLS_MAX} calls wait for ids already`, {
        metadata: { limit: String(WAITING_CALLS_MAX) },
        retryDelayMs: RETRY_DELAY_MAX_MS,
      });
    }
    const patienceMs = (call.deadlineMs ?? Infinity) * WAIT_SHARE;
    const waitMs = Math.floor(Math.min(patienceMs, WAIT_MAX_MS));
    const timeout = AbortSignal.timeout(waitMs);
    const signal = AbortSignal.any([call.signal, timeout, this.stopping.signal]);
    while (ids.length < count) {
      if (call.signal.aborted) throw ServiceError.from(call.signal.reason);
      if (signal.aborted || this.isHopeless) throw this.noIds(waitMs);
      await this.nextAnswer(signal);
      for (const value of this.takeNow(count - ids.length)) ids.push(value);
    }
    return ids;
  }

  private takeNow(count: number): bigint[] {
    const { issuer, wallClockMs, observer } = this.input;
    const wallMs = wallClockMs();
    const ids = issuer.take(count, wallMs);
    if (issuer.needsGrant(wallMs)) this.endPause?.();
    if (ids.length > 0) observer.made(ids.length);
    return ids;
  }

  /** True when only another configuration helps: waiting does not. */
  get isHopeless(): boolean {
    const reason = this.problemNow?.reason;
    return reason === 'EPOCH_MISMATCH' || reason === 'EPOCH_EXHAUSTED';
  }

  private noIds(waitMs: number): ServiceError {
    if (this.stopping.signal.aborted) return ServiceError.from(this.stopping.signal.reason);
    if (this.isHopeless && this.problemNow !== undefined) return this.problemNow;
    const details: ErrorDetails = { retryDelayMs: RETRY_DELAY_MAX_MS, cause: this.problemNow };
    const why = this.problemNow?.rawMessage ?? 'the granted milliseconds are used up';
    return unavailable('NO_WORKER_LEASE', `no ids after ${waitMs} ms: ${why}`, details);
  }

  /** Resolves after the loop's next answer, good or bad, or when the signal fires. */
  private nextAnswer(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  private wakeWaiting(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      if (!this.isDue()) {
        await this.pause(LOOK_INTERVAL_MS, 'untilNeeded');
        continue;
      }
      const granted = await this.ask();
      this.wakeWaiting();
      if (granted) this.retryDelayMs = RETRY_DELAY_MIN_MS;
      else {
        await this.pause(this.retryDelayMs, 'full');
        this.retryDelayMs = Math.min(this.retryDelayMs * 2, RETRY_DELAY_MAX_MS);
      }
    }
  }

  private isDue(): boolean {
    const { issuer, wallClockMs, leaseMs } = this.input;
    return issuer.needsGrant(wallClockMs()) || performance.now() - this.lastGrantMs > leaseMs / 3;
  }

  private async ask(): Promise<boolean> {
    const { issuer, wallClockMs, explain, observer } = this.input;
    const before = { worker: issuer.worker, correctionMs: issuer.clockCorrectionMs };
    const command = issuer.nextCommand(wallClockMs());
    try {
      const result = await this.propose(command, ASK_TIMEOUT_MS);
      const granted = issuer.accept(command, result);
      if (granted) this.lastGrantMs = performance.now();
      this.noteProblem(result.kind === 'refused' ? explain(result) : undefined);
      this.noteChanges(before);
      observer.asked(granted ? 'granted' : 'refused');
      return granted;
    } catch (error) {
      // Unknown outcomes are harmless: what was granted without our hearing of it is never used.
      this.noteProblem(ServiceError.from(error));
      observer.asked('failed');
      return false;
    }
  }

  private async propose(command: IdCommand, timeoutMs: number): Promise<IdResult> {
    return (await this.input.propose(encodeCommand(command), ownCall(timeoutMs))).result;
  }

  /** Logs when it begins, when it becomes another one, and when it is over; not every time. */
  private noteProblem(problem: ServiceError | undefined): void {
    const before = this.problemNow;
    this.problemNow = problem;
    if (problem?.reason === before?.reason || this.stopping.signal.aborted) return;
    const { logger } = this.input;
    if (problem === undefined) logger.info('worker lease renewed again');
    else if (this.isHopeless) logger.error('no ids can be made', { error: problem });
    else logger.warn('worker lease not renewed', { error: problem });
  }

  private noteChanges(before: { worker: number | undefined; correctionMs: number }): void {
    const { issuer, logger } = this.input;
    const { worker, clockCorrectionMs: correctionMs } = issuer;
    if (worker !== before.worker) {
      logger.info('worker changed', { worker, workerBefore: before.worker });
    }
    if (before.correctionMs === 0 && correctionMs !== 0) {
      logger.warn("wall clock is far ahead: working with the group's", { aheadMs: correctionMs });
    } else if (before.correctionMs !== 0 && correctionMs === 0) {
      logger.info("wall clock agrees with the group's again");
    }
  }

  /** Waits; `untilNeeded` ends early when a call needs ids, and both end on stop. */
  private pause(ms: number, how: 'untilNeeded' | 'full'): Promise<void> {
    const { signal } = this.stopping;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.endPause = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      if (how === 'untilNeeded') this.endPause = done;
    });
  }
}
