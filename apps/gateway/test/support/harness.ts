import { rpc } from '@raftway/contracts';
import { type Logger, createMetrics, type Metrics } from '@raftway/observability';
import {
  type ChannelCredentials,
  type Metadata,
  type ServerCredentials,
  type ServerOptions,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type ServerTls } from '@raftway/tls';
import { createGatewayApp, type GatewayApp } from '../../src/app';
import { defaultGatewayOptions, type GatewayOptions } from '../../src/options';
import { EchoBackend, EchoClient } from './echo-backend';
import { FakeView, instanceOf } from './fake-view';

/** A gateway with backends; everything is closed after each test by `closeAll`. */
export class Harness {
  readonly view = new FakeView();
  readonly metrics: Metrics = createMetrics();
  readonly backends: EchoBackend[] = [];
  readonly clients: EchoClient[] = [];
  gateway!: GatewayApp;

  static async start(
    options: Partial<GatewayOptions> = {},
    logger?: Logger,
    tls?: ServerTls,
    random?: () => number,
  ): Promise<Harness> {
    const harness = new Harness();
    harness.gateway = createGatewayApp({
      options: {
        ...defaultGatewayOptions(),
        bind: '127.0.0.1:0',
        drainDelayMs: 0,
        drainTimeoutMs: 3000,
        ...options,
      },
      view: harness.view,
      metrics: harness.metrics,
      withAdmin: false,
      tls,
      ...(logger === undefined ? {} : { logger }),
      ...(random === undefined ? {} : { random }),
    });
    await harness.gateway.start();
    return harness;
  }

  async backend(
    name = 'a',
    overrides: UntypedServiceImplementation = {},
    options: ServerOptions = {},
    credentials?: ServerCredentials,
  ): Promise<EchoBackend> {
    const backend = await new EchoBackend(name, overrides, options).start(0, credentials);
    this.backends.push(backend);
    return backend;
  }

  /** Registers these backends, and no others, as instances of one service. */
  register(...backends: EchoBackend[]): void {
    this.view.set(
      ...backends.map(({ address, name }) => instanceOf(address, { instanceId: name })),
    );
  }

  /** Registers all backends as instances of one service. */
  registerAll(): void {
    this.register(...this.backends);
  }

  client(
    options: ConstructorParameters<typeof EchoClient>[1] = {},
    credentials?: ChannelCredentials,
  ): EchoClient {
    const client = new EchoClient(this.gateway.address, options, credentials);
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.close();
    for (const backend of this.backends) backend.stop();
    await this.gateway.stop();
  }
}

/** Waits for a condition, at most twenty seconds. */
export async function eventually(
  condition: () => boolean,
  what: string,
  withinMs = 20_000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The ErrorInfo in a status's details. */
export function errorInfo(trailers: Metadata): rpc.ErrorInfo | undefined {
  const [bytes] = trailers.get('grpc-status-details-bin');
  if (bytes === undefined || typeof bytes === 'string') return undefined;
  const detail = rpc.Status.decode(bytes).details.find(({ typeUrl }) =>
    typeUrl.endsWith('google.rpc.ErrorInfo'),
  );
  return detail === undefined ? undefined : rpc.ErrorInfo.decode(detail.value);
}
