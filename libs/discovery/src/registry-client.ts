import { randomUUID } from 'node:crypto';
import { registry } from '@raftway/contracts';
import { Code, ServiceError } from '@raftway/errors';
import { createClient, type ServiceClient, toDuration } from '@raftway/service-kit';
import type { TlsSource } from '@raftway/tls';
import { Backoff, type BackoffOptions } from './backoff';

/** The client of one replica of the registry. */
export type RegistryReplica = ServiceClient<typeof registry.RegistryServiceService>;

/** Optional input of {@link RegistryClient}. */
export interface RegistryClientOptions extends BackoffOptions {
  /** How long one seed may take to answer before the next is asked, in milliseconds. @default 2000 */
  readonly attemptTimeoutMs?: number | undefined;
  /** Certificates for TLS: a seed's is for the seed's host. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** How long a call may take over all seeds, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined;
}

/** Limits of one call. */
export interface RegistryCallOptions {
  /** @default the client's */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What Register needs; the registry fills in the rest (protocol grpc, weight 100, SERVING). */
export type NewInstance = Partial<registry.Instance> &
  Pick<registry.Instance, 'service' | 'instanceId' | 'address'>;

/**
 * A client of the registry that knows several of its replicas and moves to the next one when one is away. It keeps using the one that
 * answered last; which is first is left to chance, so that many clients spread over the replicas.
 */
export class RegistryClient {
  private readonly replicas: readonly RegistryReplica[];
  private readonly attemptTimeoutMs: number;
  private readonly timeoutMs: number;
  private position: number;

  /** @param seeds `host:port` of at least one replica. */
  constructor(
    readonly seeds: readonly string[],
    private readonly options: RegistryClientOptions = {},
  ) {
    if (seeds.length === 0) throw new TypeError('a registry client needs at least one seed');
    this.attemptTimeoutMs = options.attemptTimeoutMs ?? 2000;
    this.timeoutMs = options.timeoutMs ?? 5000;
    this.position = Math.floor((options.random ?? Math.random)() * seeds.length);
    // The next seed is tried here instead of the same one again there.
    const { tls } = options;
    const settings = { attemptsMax: 1, defaultTimeoutMs: this.attemptTimeoutMs, tls };
    this.replicas = seeds.map((seed) =>
      createClient(registry.RegistryServiceService, seed, settings),
    );
  }

  /** The replica that is used now, for streams. */
  get current(): RegistryReplica {
    const replica = this.replicas[this.position];
    if (replica === undefined)
      throw new Error('broken invariant: no replica at the current position');
    return replica;
  }

  /** The address of {@link RegistryClient.current}. */
  get currentSeed(): string {
    return this.seeds[this.position] ?? '';
  }

  /** Moves to the next replica, unless somebody has moved on from `failed` already. */
  moveOn(failed: RegistryReplica): void {
    if (this.current === failed) this.position = (this.position + 1) % this.replicas.length;
  }

  /** Registers an instance. @throws ServiceError */
  register(
    instance: NewInstance,
    ttlMs: number,
    options?: RegistryCallOptions,
  ): Promise<registry.RegisterResponse> {
    const request = {
      instance: registry.Instance.fromPartial(instance),
      ttl: toDuration(ttlMs),
      requestId: randomUUID(),
    };
    return this.call((replica, call) => replica.register(request, call), options);
  }

  /** Removes an instance. @throws ServiceError, LEASE_NOT_FOUND when it is gone. */
  async deregister(leaseId: string, options?: RegistryCallOptions): Promise<void> {
    const request = { leaseId, requestId: randomUUID() };
    await this.call((replica, call) => replica.deregister(request, call), options);
  }

  /** @throws ServiceError, LEASE_NOT_FOUND when the instance is gone. */
  async setStatus(
    leaseId: string,
    status: registry.InstanceStatus,
    options?: RegistryCallOptions,
  ): Promise<void> {
    const request = { leaseId, status, requestId: randomUUID() };
    await this.call((replica, call) => replica.setStatus(request, call), options);
  }

  /** The instances of one service now. @throws ServiceError */
  lookup(service: string, options?: RegistryCallOptions): Promise<registry.LookupResponse> {
    return this.call((replica, call) => replica.lookup({ service }, call), options);
  }

  /** One page of services. @throws ServiceError */
  listServices(
    request: { readonly pageSize?: number; readonly pageToken?: string } = {},
    options?: RegistryCallOptions,
  ): Promise<registry.ListServicesResponse> {
    return this.call((replica, call) => replica.listServices(request, call), options);
  }

  close(): void {
    for (const replica of this.replicas) replica.close();
  }

  /**
   * Asks one seed after the other until one answers. That is safe for changes too, because each carries a request id, and the registry
   * applies it once.
   */
  private async call<Response>(
    send: (
      replica: RegistryReplica,
      call: { readonly timeoutMs: number; readonly signal: AbortSignal },
    ) => Promise<Response>,
    options: RegistryCallOptions = {},
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
