import { registry } from '@raftway/contracts';
import { Code, ServiceError } from '@raftway/errors';
import { silentLogger, type Logger } from '@raftway/observability';
import type { TlsSource } from '@raftway/tls';
import { Backoff, type BackoffOptions } from './backoff';
import { LeaseKeeper } from './lease-keeper';
import { RegistryClient, type NewInstance } from './registry-client';

/** What {@link registerSelf} takes. */
export interface SelfRegistrationOptions extends BackoffOptions {
  /** Seed addresses, or a client to share; a shared one is not closed by deregister(). */
  readonly registry: readonly string[] | RegistryClient;
  readonly instance: NewInstance;
  /** Certificates for TLS with the seeds. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** How long the registry keeps the instance without hearing from it, in milliseconds, 1 s to 24 h. @default 10000 */
  readonly ttlMs?: number | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
}

/** A process's own entry in the registry. Nothing here throws because the registry is away. */
export interface SelfRegistration {
  /** Whether the registry has confirmed the entry and no renewal has failed since. */
  isRegistered(): boolean;
  /** The current lease; undefined while there is none. */
  leaseId(): string | undefined;
  /** Resolves when the entry is there for the first time; never, if the registry refuses it or it is deregistered before. */
  registered(): Promise<void>;
  /**
   * Says what callers should do with this instance. Yields whether the registry has taken it within `timeoutMs` (default 2000); if not, it
   * is sent with the next contact.
   */
  setStatus(status: registry.InstanceStatus, timeoutMs?: number): Promise<boolean>;
  /**
   * Stops renewing and removes the entry. Takes at most `timeoutMs` (default 2000): after that the entry is left to expire.
   */
  deregister(timeoutMs?: number): Promise<void>;
}

/**
 * Registers this process and keeps it registered: renews at a third of the time to live, moves to another seed when one is away, and
 * registers again when the registry no longer knows the lease (it lost its disks, or this process was suspended for too long).
 */
export function registerSelf(options: SelfRegistrationOptions): SelfRegistration {
  const registration = new RunningRegistration(options);
  registration.start();
  return registration;
}

class RunningRegistration implements SelfRegistration {
  private readonly client: RegistryClient;
  private readonly ownsClient: boolean;
  private readonly logger: Logger;
  private readonly ttlMs: number;
  private readonly backoff: Backoff;
  private readonly stopping = new AbortController();
  private readonly firstRegistration: Promise<void>;
  private markRegistered: () => void = () => undefined;
  private running: Promise<void> = Promise.resolve();
  /** The newest Register; settles when it is answered. */
  private registering: Promise<unknown> = Promise.resolve();
  private keeper: LeaseKeeper | undefined;
  private wantedStatus: registry.InstanceStatus;
  private takenStatus: registry.InstanceStatus | undefined;

  constructor(private readonly options: SelfRegistrationOptions) {
    const { instance } = options;
    this.ownsClient = !(options.registry instanceof RegistryClient);
    this.client =
      options.registry instanceof RegistryClient
        ? options.registry
        : new RegistryClient(options.registry, options);
    const { service, instanceId } = instance;
    this.logger = (options.logger ?? silentLogger()).child({ service, instanceId });
    this.ttlMs = options.ttlMs ?? 10_000;
    this.backoff = new Backoff(options);
    this.wantedStatus = instance.status ?? registry.InstanceStatus.SERVING;
    this.firstRegistration = new Promise((resolve) => (this.markRegistered = resolve));
  }

  start(): void {
    this.running = this.run();
  }

  isRegistered(): boolean {
    return this.keeper?.isRenewed ?? false;
  }

  leaseId(): string | undefined {
    return this.keeper?.leaseId;
  }

  registered(): Promise<void> {
    return this.firstRegistration;
  }

  async setStatus(status: registry.InstanceStatus, timeoutMs = 2000): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    this.wantedStatus = status;
    // A Register under way carries the old status, and its lease is known only when it is answered.
    await within(this.registering, timeoutMs);
    const leftMs = deadline - performance.now();
    return leftMs > 0 && this.sendStatus(leftMs);
  }

  async deregister(timeoutMs = 2000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.stopping.abort();
    // A Register under way is waited for: aborted, it might still take effect and leave an entry that nobody removes.
    await within(this.running, timeoutMs);
    const leaseId = this.leaseId();
    this.keeper = undefined;
    const leftMs = deadline - performance.now();
    if (leaseId !== undefined && leftMs > 0) {
      try {
        await this.client.deregister(leaseId, { timeoutMs: leftMs });
        this.logger.info('deregistered', { leaseId });
      } catch (error) {
        this.logger.warn('not deregistered; the entry will expire', { leaseId, error });
      }
    }
    if (this.ownsClient) this.client.close();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const registering = this.register();
      this.registering = registering;
      const keeper = await registering;
      if (keeper === undefined) {
        await this.backoff.wait(signal);
        continue;
      }
      this.backoff.reset();
      this.markRegistered();
      await keeper.keep();
      if (signal.aborted) return;
      this.keeper = undefined;
      this.logger.warn('the registry does not know the lease any more; registering again', {
        leaseId: keeper.leaseId,
      });
    }
  }

  private async register(): Promise<LeaseKeeper | undefined> {
    const status = this.wantedStatus;
    try {
      const { leaseId, revision } = await this.client.register(
        { ...this.options.instance, status },
        this.ttlMs,
      );
      this.takenStatus = status;
      this.logger.info('registered', { leaseId, revision, ttlMs: this.ttlMs });
      this.keeper = new LeaseKeeper({
        client: this.client,
        leaseId,
        ttlMs: this.ttlMs,
        backoff: this.options,
        signal: this.stopping.signal,
        logger: this.logger,
        onRenewed: () => {
          if (this.takenStatus !== this.wantedStatus) void this.sendStatus();
        },
      });
      return this.keeper;
    } catch (error) {
      const refused = error instanceof ServiceError && error.code === Code.invalidArgument;
      if (refused) this.logger.error('the registry refuses this instance', { error });
      else this.logger.warn('not registered yet; trying again', { error });
      return undefined;
    }
  }

  private async sendStatus(timeoutMs = 2000): Promise<boolean> {
    const status = this.wantedStatus;
    const leaseId = this.leaseId();
    if (leaseId === undefined) return false;
    try {
      await this.client.setStatus(leaseId, status, { timeoutMs });
      this.takenStatus = status;
      return true;
    } catch (error) {
      this.logger.warn('status not taken yet', { status, error });
      return false;
    }
  }
}

/** Waits for something, but not longer than this many milliseconds. Keeps no process alive. */
async function within(something: Promise<unknown>, timeoutMs: number): Promise<void> {
  await Promise.race([something, new Promise((resolve) => setTimeout(resolve, timeoutMs).unref())]);
}
