import { setTimeout as delay } from 'node:timers/promises';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { lock } from '@raftway/contracts';
import { promised } from './promised';

const TIMEOUT_MS = 15_000;
/** So that a run of minutes takes some thousands of locks. */
const PAUSE_MS = 25;
const PAGE = 1000;

/** As often a call is made, under one request id, when its outcome is unknown: on a busy machine there may be an election at any time. */
const ATTEMPTS_MAX = 5;

/** A client that takes one lock after the other, and remembers what it was told. Calls of unknown outcome are repeated under their request id, as clients are told to do; nothing else is. */
export class LockTaker {
  /** What was acknowledged: fencing tokens by the locks' names. */
  readonly taken = new Map<string, bigint>();
  readonly failures: string[] = [];
  private readonly client: lock.LockServiceClient;
  private sessionId = '';
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  constructor(address: string) {
    this.client = new lock.LockServiceClient(address, credentials.createInsecure());
  }

  /** Opens the session that all locks belong to. */
  async open(): Promise<void> {
    const { sessionId } = await promised<lock.OpenSessionResponse>((callback) =>
      this.client.openSession(
        lock.OpenSessionRequest.fromPartial({ ttl: { seconds: 3600n } }),
        ...options(),
        callback,
      ),
    );
    this.sessionId = sessionId;
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** What the service says that is held: fencing tokens by name. */
  async held(): Promise<Map<string, bigint>> {
    const found = new Map<string, bigint>();
    let pageToken = '';
    do {
      const page = await promised<lock.ListLocksResponse>((callback) =>
        this.client.listLocks(
          lock.ListLocksRequest.fromPartial({ pageSize: PAGE, pageToken }),
          ...options(),
          callback,
        ),
      );
      for (const { name, holders } of page.locks) {
        if (holders[0] !== undefined) found.set(name, holders[0].fencingToken);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return found;
  }

  close(): void {
    this.client.close();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let number = 0; !signal.aborted; number += 1) {
      await this.take(`lock-${String(number).padStart(6, '0')}`).catch((error: unknown) => {
        this.failures.push(`${new Date().toISOString()} ${String(error)}`);
      });
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async take(name: string): Promise<void> {
    const { acquired, fencingToken } = await this.acquire(name, 1);
    if (!acquired) throw new Error(`${name} was not acquired`);
    this.taken.set(name, fencingToken);
  }

  private async acquire(name: string, attempt: number): Promise<lock.AcquireResponse> {
    const { sessionId } = this;
    const request = lock.AcquireRequest.fromPartial({ name, sessionId, requestId: name });
    try {
      return await promised<lock.AcquireResponse>((callback) =>
        this.client.acquire(request, ...options(), callback),
      );
    } catch (error) {
      const { code, details } = error as ServiceError;
      const isUnknown = code === status.UNAVAILABLE && /outcome .* unknown/.test(details);
      if (!isUnknown || attempt === ATTEMPTS_MAX) throw error;
      return await this.acquire(name, attempt + 1);
    }
  }
}

function options(): [Metadata, { deadline: number }] {
  return [new Metadata(), { deadline: Date.now() + TIMEOUT_MS }];
}
