/**
 * How a service uses the other services of the suite: copy this.
 *
 * 1. One client per service, made once, aimed at the gateway.
 * 2. Every call passes on the caller's cancellation and what is left of its deadline.
 * 3. A change carries a request_id, so that the client may repeat it without doing it twice.
 * 4. What was taken is given back in `finally`, with a deadline of its own: also when the caller has gone.
 */
import { duration, id, lock, type helloworld } from '@raftway/contracts';
import { unavailable } from '@raftway/errors';
import { createClient, type CallContext } from '@raftway/service-kit';
import type { TlsSource } from '@raftway/tls';
import { randomUUID } from 'node:crypto';
import { greet } from '../domain/greeting';

const LOCK_NAME = 'greeter/numbered';
/** Should this process die while it holds the lock, the lock is free again after so long. */
const LOCK_TTL = duration.Duration.fromPartial({ seconds: 10n });
/** How long to queue for the lock, in seconds; the caller's deadline may end it earlier. */
const LOCK_WAIT_SECONDS = 5n;
/** For callers without a deadline. */
const CALL_TIMEOUT_MS = 10_000;
const RELEASE_TIMEOUT_MS = 2_000;

/** Greetings that are given one at a time in the whole system, each with an id that no other greeting has. */
export class NumberedGreetings {
  private readonly locks;
  private readonly ids;

  /** @param gateway `host:port`. @param instanceId called per greeting: the id may follow from the port, which is known after start. */
  constructor(
    gateway: string,
    private readonly instanceId: () => string,
    tls?: TlsSource,
  ) {
    this.locks = createClient(lock.LockServiceService, gateway, { tls });
    // An id that is asked for twice leaves a gap, which does no harm: the client may repeat the call.
    this.ids = createClient(id.IdServiceService, gateway, {
      idempotentMethods: ['generateIds'],
      tls,
    });
  }

  /** @throws ServiceError UNAVAILABLE when gateway, lock or ids cannot be had in time. */
  async greet(name: string, call: CallContext): Promise<helloworld.NumberedHelloReply> {
    const held = await this.locks.acquire(
      {
        name: LOCK_NAME,
        ttl: LOCK_TTL,
        waitTimeout: duration.Duration.fromPartial({ seconds: LOCK_WAIT_SECONDS }),
        requestId: randomUUID(),
        metadata: { instance: this.instanceId() },
      },
      within(call),
    );
    if (!held.acquired)
      throw unavailable('LOCK_HELD', `the lock "${LOCK_NAME}" was not free in time`);
    try {
      const { ids } = await this.ids.generateIds({ count: 1 }, within(call));
      return {
        message: greet(name),
        greetingId: ids[0]?.text ?? '',
        fencingToken: held.fencingToken,
        instanceId: this.instanceId(),
      };
    } finally {
      await this.release(held.sessionId, call);
    }
  }

  /** Lets go of the connections. */
  close(): void {
    this.locks.close();
    this.ids.close();
  }

  /** Not within the call's limits: the caller may have gone. A failure is no reason to fail the greeting: the lock expires. */
  private async release(sessionId: string, call: CallContext): Promise<void> {
    try {
      const request = { name: LOCK_NAME, sessionId, requestId: randomUUID() };
      await this.locks.release(request, { timeoutMs: RELEASE_TIMEOUT_MS });
    } catch (error) {
      call.logger.warn('lock not released; it will expire', { lock: LOCK_NAME, error });
    }
  }
}

/** The caller's cancellation, and what is left of its deadline now. */
function within(call: CallContext): { signal: AbortSignal; timeoutMs: number } {
  // 0 would mean no limit.
  return { signal: call.signal, timeoutMs: Math.max(1, call.deadlineMs ?? CALL_TIMEOUT_MS) };
}
