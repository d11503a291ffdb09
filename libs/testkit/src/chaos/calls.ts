import type { SeededRandom } from '../random';
import type { Method, Outcome, Rpc } from './rpc';

/** How long one attempt may take, and how long to wait before the next, in milliseconds. */
const ATTEMPT_TIMEOUT_MS = 1_500;
const PAUSE_MS = { min: 20, max: 250 };

/** One call of an application: all attempts that belong to one request. */
export interface CallRecord<Response> {
  readonly invokedAt: number;
  readonly respondedAt: number;
  readonly outcome: Outcome<Response>;
  /** Who answered, or was asked last. */
  readonly address: string;
  /** When the attempts of unknown outcome began, but for the one that the outcome is of. */
  readonly unknownAttempts: readonly number[];
}

/** What {@link Caller.call} takes beside method and request. */
export interface CallPlan {
  /**
   * Whether an attempt may be repeated after an unknown outcome: the request carries a request_id, or changes nothing. Refusals without effect are
   * always repeated.
   */
  readonly isRepeatable: boolean;
  /** @default 4 */
  readonly attemptsMax?: number;
  /** Added to each attempt's time: what the call may wait for by itself. @default 0 */
  readonly extraTimeMs?: number;
}

/** What a {@link Caller} allows each of its calls. */
export interface CallerLimits {
  /** More than a call's plan has, it never makes. @default the plan's */
  readonly attemptsMax?: number;
  /** @default 1500 */
  readonly attemptTimeoutMs?: number;
}

/** Makes calls as an application does that wants an answer: to any replica, and again to another one. */
export class Caller {
  constructor(
    private readonly rpc: Rpc,
    private readonly addresses: readonly string[],
    private readonly random: SeededRandom,
    private readonly limits: CallerLimits = {},
  ) {}

  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    plan: CallPlan,
  ): Promise<CallRecord<Response>> {
    return await this.attempts(plan, (address, timeoutMs) =>
      this.rpc.unary(address, method, request, timeoutMs),
    );
  }

  /** The same for one request on a stream. */
  async exchange<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    plan: CallPlan,
  ): Promise<CallRecord<Response>> {
    return await this.attempts(plan, (address, timeoutMs) =>
      this.rpc.exchange(address, method, request, timeoutMs),
    );
  }

  private async attempts<Response>(
    { isRepeatable, attemptsMax = 4, extraTimeMs = 0 }: CallPlan,
    attempt: (address: string, timeoutMs: number) => Promise<Outcome<Response>>,
  ): Promise<CallRecord<Response>> {
    const timeoutMs = (this.limits.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS) + extraTimeMs;
    const countMax = Math.min(attemptsMax, this.limits.attemptsMax ?? attemptsMax);
    const invokedAt = performance.now();
    const unknownAttempts: number[] = [];
    let unknown: Outcome<Response> | undefined;
    for (let count = 1; ; count += 1) {
      const address = this.random.pick(this.addresses);
      const startedAt = performance.now();
      let outcome = await attempt(address, timeoutMs);
      const isFinal =
        outcome.kind === 'answered' ||
        (outcome.kind === 'refused' && !outcome.mayRetry) ||
        (outcome.kind === 'unknown' && !isRepeatable);
      if (outcome.kind === 'unknown') unknown = outcome;
      if (isFinal || count >= countMax) {
        // An attempt before this one may still take effect, whatever this one says, unless it speaks for all of them.
        if (!isFinal && unknown !== undefined) outcome = unknown;
        return { invokedAt, respondedAt: performance.now(), outcome, address, unknownAttempts };
      }
      if (outcome.kind === 'unknown') unknownAttempts.push(startedAt);
      const pauseMs = this.random.integer(PAUSE_MS.min, PAUSE_MS.max);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
