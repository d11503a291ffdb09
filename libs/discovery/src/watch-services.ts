import type { registry } from '@raftway/contracts';
import { cancelled } from '@raftway/errors';
import { silentLogger, type Logger } from '@raftway/observability';
import type { TlsSource } from '@raftway/tls';
import { RegistryClient } from './registry-client';
import type { Instance, ServiceChange, ServiceView } from './service-view';
import { WatchLoop, type WatchLoopOptions } from './watch-loop';
import { WatchedState } from './watched-state';

/** What {@link watchServices} takes. */
export interface WatchServicesOptions extends WatchLoopOptions {
  /** Seed addresses, or a client to share; a shared one is not closed with the view. */
  readonly registry: readonly string[] | RegistryClient;
  /** Certificates for TLS with the seeds. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** One service only. @default all */
  readonly service?: string | undefined;
  /** @default silent */
  readonly logger?: Logger | undefined;
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
  private readonly loop: WatchLoop<typeof registry.RegistryServiceService, registry.WatchResponse>;
  private readonly state = new WatchedState();
  private readonly listeners = new Set<(change: ServiceChange) => void>();
  private readonly firstSnapshot: Promise<void>;
  private markReady: () => void = () => undefined;
  private markClosed: (error: unknown) => void = () => undefined;
  private confirmedMs = -Infinity;

  constructor(options: WatchServicesOptions) {
    const { registry, service = '' } = options;
    this.ownsClient = !(registry instanceof RegistryClient);
    this.client =
      registry instanceof RegistryClient ? registry : new RegistryClient(registry, options);
    this.logger = options.logger ?? silentLogger();
    this.loop = new WatchLoop(
      {
        what: 'registry',
        seeds: this.client,
        open: (replica, signal) =>
          replica.watch({ service, fromRevision: this.state.revision }, { signal }),
        onEvent: (event) => this.apply(event),
        onBroken: () => this.state.streamBroke(),
        fields: () => ({ ageMs: this.ageMs(), revision: this.revision() }),
        logger: this.logger,
      },
      options,
    );
    this.firstSnapshot = new Promise((resolve, reject) => {
      this.markReady = resolve;
      this.markClosed = reject;
    });
    this.firstSnapshot.catch(() => undefined);
  }

  start(): void {
    this.loop.start();
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
    return this.loop.isConnected;
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
    this.markClosed(cancelled('the view of services was closed'));
    await this.loop.close();
    this.listeners.clear();
    if (this.ownsClient) this.client.close();
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
