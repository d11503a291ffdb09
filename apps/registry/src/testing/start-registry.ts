import { registry } from '@raftway/contracts';
import { createMetrics, silentLogger, type Logger } from '@raftway/observability';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { createRegistryApp, type RegistryApp } from '../app';
import { registryOptionsSchema } from '../options';
import type { WatchTiming } from '../service/watch-hub';
import { RegistryStateMachine } from '../domain/registry-state-machine';
import { ImmediateNode } from './immediate-node';

/** A registry on a free port over an {@link ImmediateNode}, and a client of it. */
export interface StartedRegistry {
  readonly app: RegistryApp;
  readonly node: ImmediateNode;
  readonly client: ServiceClient<typeof registry.RegistryServiceService>;
  readonly address: string;
  readonly wallClockMs: () => number;
  stop(): Promise<void>;
}

/** Optional input of {@link startRegistry}. */
export interface StartRegistryOptions {
  /** @default any free port of the loopback */
  readonly bind?: string;
  /** @default 1 */
  readonly wallClockMs?: () => number;
  readonly timing?: WatchTiming;
  readonly logger?: Logger;
  /** State to begin with: a registry that comes back with its disk. */
  readonly snapshot?: Uint8Array;
  /** Other options, as in the environment. */
  readonly environment?: Readonly<Record<string, unknown>>;
}

export async function startRegistry(options: StartRegistryOptions = {}): Promise<StartedRegistry> {
  const { wallClockMs = () => 1 } = options;
  const node = new ImmediateNode(new RegistryStateMachine());
  if (options.snapshot !== undefined) node.machine.restore(options.snapshot);
  const app = createRegistryApp({
    options: {
      ...registryOptionsSchema.parse({
        bind: options.bind ?? '127.0.0.1:0',
        httpBind: '127.0.0.1:0',
        drainDelayMs: '0ms',
        drainTimeoutMs: '200ms',
        ...options.environment,
      }),
    },
    logger: options.logger ?? silentLogger(),
    metrics: createMetrics({ processMetrics: false }),
    // Only specs about a lost leader want to be told of it soon: on a busy machine, 200 ms without a word are no sign of one.
    timing: { progressIntervalMs: 50, staleAfterMs: 10_000, coalesceMs: 0, ...options.timing },
    inMemory: { stateMachine: node.machine, node },
    wallClockMs,
  });
  await app.start();
  const client = createClient(registry.RegistryServiceService, app.address, {
    attemptsMax: 1,
    shareChannel: false,
  });
  return {
    app,
    node,
    client,
    address: app.address,
    wallClockMs,
    stop: async () => {
      client.close();
      await app.stop();
    },
  };
}

/** Waits until a condition holds. @throws Error after `limitMs`. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  limitMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`not within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
