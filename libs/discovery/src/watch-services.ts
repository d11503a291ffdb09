import type { registry } from '@raftway/contracts';
import { cancelled } from '@raftway/errors';
import { silentLogger, type Logger } from '@raftway/observability';
import type { TlsSource } from '@raftway/tls';
import { Backoff, Watchdog, type BackoffOptions } from './backoff';
import { RegistryClient } from './registry-client';
import type { Instance, ServiceChange, ServiceView } from './service-view';
import { WatchedState } from './watched-state';

/** What {@link watchServices} takes. */
export interface WatchServicesOptions extends BackoffOptions {
  /** Seed addresses, or a client to share; a shared one is not closed with the view. */
  readonly registry: readonly string[] | RegistryClient;
  /** Certificates for TLS with the seeds. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** One service only. @default all */
  readonly service?: string | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
  /** How long a seed may take for its first event before the next is asked, in milliseconds. @default 3000 */
  readonly firstEventTimeoutMs?: number | undefined;
  /** Silence after which a stream counts as broken, in milliseconds; the registry speaks at least every 5 s. @default 15000 */
  readonly silenceMaxMs?: number | undefined;
}

/** Begins to watch the registry. The view is usable at once (empty), and never fails: it goes on trying until it is closed. */
export function watchServices(options: WatchServicesOptions): ServiceView {
  const view = new WatchingServiceView(options);
  view.start();
  return view;
}

class WatchingServiceView implements ServiceView {
  private readonly client: RegistryClient;
  private readonly ownsClient: boolean;
  private readonly logger: Logger;
  private readonly backoff: Backoff;
  private readonly state = new WatchedState();
  private readonly listeners = new Set<(change: ServiceChange) => void>();
  private readonly closing = new AbortController();
  private readonly firstSnapshot: Promise<void>;
  private markReady: () => void = () => undefined;
  private markClosed: (error: unknown) => void = () => undefined;
  private watching: Promise<void> = Promise.resolve();
  private confirmedMs = -Infinity;
  private connected = false;

  constructor(private readonly options: WatchServicesOptions) {
    const { registry } = options;
    this.ownsClient = !(registry instanceof RegistryClient);
    this.client =
      registry instanceof RegistryClient ? registry : new RegistryClient(registry, options);
    this.logger = options.logger ?? silentLogger();
    this.backoff = new Backoff(options);
    this.firstSnapshot = new Promise((resolve, reject) => {
      this.markReady = resolve;
      this.markClosed = reject;
    });
    this.firstSnapshot.catch(() => undefined);
  }

  start(): void {
    this.watching = this.watchUntilClosed();
  }

  services(): ReadonlyMap<string, readonly Instance[]> {
    return this.state.services;
  }

  instances(service: string): readonly Instance[] {
    return this.state.services.get(service) ?? [];
  }

  revision(): bigint {
    return this.state.revision;
  }

  ageMs(): number {
    return performance.now() - this.confirmedMs;
  }

  isConnected(): boolean {
    return this.connected;
  }

  onChange(listener: (change: ServiceChange) => void): () => void {
    // A wrapper, so that one function may subscribe twice and end each subscription alone.
    const entry = (change: ServiceChange) => listener(change);
    this.listeners.add(entry);
    return () => void this.listeners.delete(entry);
  }

  async ready(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return this.firstSnapshot;
    signal.throwIfAborted();
    let onAbort: () => void = () => undefined;
    const aborted = new Promise<void>((resolve) => {
      onAbort = resolve;
      signal.addEventListener('abort', onAbort, { once: true });
    });
    try {
      await Promise.race([this.firstSnapshot, aborted]);
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.markClosed(cancelled('the view of services was closed'));
    await this.watching;
    this.listeners.clear();
    if (this.ownsClient) this.client.close();
  }

  private async watchUntilClosed(): Promise<void> {
    while (!this.closing.signal.aborted) {
      const replica = this.client.current;
      const seed = this.client.currentSeed;
      const error = await this.watchOnce(replica);
      if (this.closing.signal.aborted) return;
      const fields = { seed, ageMs: this.ageMs(), revision: this.revision(), error };
      // The first break is news; that the next seeds are away as well is not.
      if (this.connected) this.logger.warn('registry watch broke; keeping the last state', fields);
      else this.logger.debug('registry watch failed', fields);
      this.connected = false;
      this.state.streamBroke();
      this.client.moveOn(replica);
      await this.backoff.wait(this.closing.signal);
    }
  }

  /** Follows one stream to its end; yields why it ended. */
  private async watchOnce(replica: RegistryClient['current']): Promise<unknown> {
    const { firstEventTimeoutMs = 3000, silenceMaxMs = 15_000, service = '' } = this.options;
    const attempt = new AbortController();
    const watchdog = new Watchdog(attempt, 'the registry sent nothing for too long');
    const signal = AbortSignal.any([attempt.signal, this.closing.signal]);
    watchdog.feed(firstEventTimeoutMs);
    try {
      const request = { service, fromRevision: this.state.revision };
      for await (const event of replica.watch(request, { signal })) {
        watchdog.feed(silenceMaxMs);
        this.apply(event);
        if (!this.connected)
          this.logger.info('watching the registry', { revision: event.revision });
        this.connected = true;
        this.backoff.reset();
      }
      return new Error('the registry ended the stream');
    } catch (error) {
      return error;
    } finally {
      watchdog.stop();
      attempt.abort();
    }
  }

  private apply({ revision, event }: registry.WatchResponse): void {
    switch (event?.$case) {
      case 'snapshot':
        this.publish(this.state.applySnapshot(event.value, revision));
        if (!event.value.incomplete) this.confirm();
        return;
      case 'delta':
        this.publish(this.state.applyDelta(event.value, revision));
        return;
      case 'progress':
        this.state.applyProgress(revision);
        this.confirm();
        return;
      case 'reset':
        this.logger.info('registry watch starts again from a snapshot', {
          reason: event.value.reason,
        });
        return;
      case undefined:
        // An event of a later version of the protocol: nothing that this one could use.
        return;
    }
  }

  private confirm(): void {
    this.confirmedMs = performance.now();
    this.markReady();
  }

  private publish(change: ServiceChange | undefined): void {
    if (change === undefined) return;
    for (const listener of [...this.listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.logger.error('a listener of service changes failed', { error });
      }
    }
  }
}
