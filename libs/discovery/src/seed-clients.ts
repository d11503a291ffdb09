import { Code, ServiceError } from '@raftway/errors';
import { createClient, type ServiceClient, type ServiceShape } from '@raftway/service-kit';
import type { TlsSource } from '@raftway/tls';
import { Backoff, type BackoffOptions } from './backoff';

/** Optional input of {@link SeedClients}. */
export interface SeedClientsOptions extends BackoffOptions {
  /** How long one seed may take to answer before the next is asked, in milliseconds. @default 2000 */
  readonly attemptTimeoutMs?: number | undefined;
  /** Certificates for TLS: a seed's is for the seed's host. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** How long a call may take over all seeds, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined;
}

/** Limits of one call. */
export interface SeedCallOptions {
  /** @default the client's */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Clients of one service at several replicas of the registry: moves to the next one when one is away. It keeps using the one that answered last; which is
 * first is left to chance, so that many clients spread over the replicas.
 */
export class SeedClients<Service extends ServiceShape> {
  private readonly replicas: readonly ServiceClient<Service>[];
  private readonly attemptTimeoutMs: number;
  private readonly timeoutMs: number;
  private position: number;

  /** @param seeds `host:port` of at least one replica. */
  constructor(
    service: Service,
    readonly seeds: readonly string[],
    private readonly options: SeedClientsOptions = {},
  ) {
    if (seeds.length === 0) throw new TypeError('a registry client needs at least one seed');
    this.attemptTimeoutMs = options.attemptTimeoutMs ?? 2000;
    this.timeoutMs = options.timeoutMs ?? 5000;
    this.position = Math.floor((options.random ?? Math.random)() * seeds.length);
    // The next seed is tried here instead of the same one again there.
    const { tls } = options;
    const settings = { attemptsMax: 1, defaultTimeoutMs: this.attemptTimeoutMs, tls };
    this.replicas = seeds.map((seed) => createClient(service, seed, settings));
  }

  /** The replica that is used now, for streams. */
  get current(): ServiceClient<Service> {
    const replica = this.replicas[this.position];
    if (replica === undefined)
      throw new Error('broken invariant: no replica at the current position');
    return replica;
  }

  /** The address of {@link SeedClients.current}. */
  get currentSeed(): string {
    return this.seeds[this.position] ?? '';
  }

  /** Moves to the next replica, unless somebody has moved on from `failed` already. */
  moveOn(failed: ServiceClient<Service>): void {
    if (this.current === failed) this.position = (this.position + 1) % this.replicas.length;
  }

  close(): void {
    for (const replica of this.replicas) replica.close();
  }

  /**
   * Asks one seed after the other until one answers. Changes need a request id, by which the registry applies them once.
   * @throws ServiceError
   */
  async call<Response>(
    send: (
      replica: ServiceClient<Service>,
      call: { readonly timeoutMs: number; readonly signal: AbortSignal },
    ) => Promise<Response>,
    options: SeedCallOptions = {},
  ): Promise<Response> {
    const deadline = performance.now() + (options.timeoutMs ?? this.timeoutMs);
    const signal = options.signal ?? new AbortController().signal;
    const backoff = new Backoff({ ...this.options, maxMs: 500 });
    let refusal: unknown;
    for (let attempt = 1; ; attempt += 1) {
      const replica = this.current;
      const leftMs = Math.max(1, deadline - performance.now());
      try {
        return await send(replica, { timeoutMs: Math.min(leftMs, this.attemptTimeoutMs), signal });
      } catch (error) {
        const isOver = signal.aborted || performance.now() >= deadline;
        // What a replica said tells more than that the last attempt was cut short.
        if (!isDeadline(error)) refusal = error;
        if (!isAway(error) || isOver) throw signal.aborted ? error : (refusal ?? error);
        this.moveOn(replica);
        // The other seeds are asked at once; only a second round waits.
        if (attempt >= this.replicas.length) await backoff.wait(signal);
      }
    }
  }
}

function isDeadline(error: unknown): boolean {
  return error instanceof ServiceError && error.code === Code.deadlineExceeded;
}

/** Whether another replica may do better: this one is away, stuck, or without a leader. */
function isAway(error: unknown): boolean {
  if (!(error instanceof ServiceError)) return false;
  return error.code === Code.unavailable || isDeadline(error);
}
