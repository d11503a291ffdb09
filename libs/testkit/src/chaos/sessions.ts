import { lock } from '@raftway/contracts';
import type { Caller } from './calls';
import type { RunHistory, SessionRecord } from './run-history';

/** Renewed so many times within its time to live. */
const RENEWALS_PER_TTL = 4;

/** A session that its client keeps alive, and what the client can be sure of. */
export class KeptSession {
  private running = true;
  private timer: NodeJS.Timeout | undefined;

  private constructor(
    readonly record: SessionRecord,
    private readonly ttlMs: number,
    private readonly caller: Caller,
    private readonly history: RunHistory,
  ) {
    this.schedule();
  }

  /** Undefined when no replica has answered. */
  static async open(
    ttlMs: number,
    requestId: string,
    caller: Caller,
    history: RunHistory,
  ): Promise<KeptSession | undefined> {
    const request = lock.OpenSessionRequest.fromPartial({ ttl: seconds(ttlMs), requestId });
    const call = await caller.call(lock.LockServiceService.openSession, request, {
      isRepeatable: true,
    });
    history.count('OpenSession', call.outcome);
    if (call.outcome.kind !== 'answered') return undefined;
    const { sessionId } = call.outcome.response;
    const record = { id: sessionId, aliveUntil: call.invokedAt + ttlMs, closedAt: Infinity };
    return new KeptSession(record, ttlMs, caller, history);
  }

  get id(): string {
    return this.record.id;
  }

  get isRunning(): boolean {
    return this.running;
  }

  /** Renews no more: the service has to end it by itself. */
  abandon(): void {
    this.running = false;
    clearTimeout(this.timer);
  }

  /** Asks the service to end it. */
  async close(): Promise<void> {
    this.abandon();
    this.record.closedAt = performance.now();
    const request = lock.CloseSessionRequest.fromPartial({ sessionId: this.id });
    const { closeSession } = lock.LockServiceService;
    const { outcome } = await this.caller.call(closeSession, request, { isRepeatable: true });
    this.history.count('CloseSession', outcome);
  }

  private schedule(): void {
    this.timer = setTimeout(() => void this.renew(), this.ttlMs / RENEWALS_PER_TTL);
  }

  private async renew(): Promise<void> {
    const { keepAlive } = lock.LockServiceService;
    const request = { sessionId: this.id };
    const call = await this.caller.exchange(keepAlive, request, {
      isRepeatable: true,
      attemptsMax: 1,
    });
    this.history.count('KeepAlive', call.outcome);
    if (call.outcome.kind === 'answered') {
      if (call.outcome.response.expired) this.ended(call.respondedAt);
      else this.renewed(call.invokedAt);
    }
    if (this.running) this.schedule();
  }

  private renewed(invokedAt: number): void {
    this.record.aliveUntil = Math.max(this.record.aliveUntil, invokedAt + this.ttlMs);
  }

  private ended(respondedAt: number): void {
    this.abandon();
    const { id, aliveUntil, closedAt } = this.record;
    if (respondedAt < aliveUntil && respondedAt < closedAt) {
      const earlyMs = (aliveUntil - respondedAt).toFixed(0);
      this.history.findings.push(`session ${id} had ended ${earlyMs} ms before its time`);
    }
  }
}

/** A duration as protobuf has it. */
export function seconds(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}
