import { id } from '@raftway/contracts';
import { createMetrics, silentLogger, type Logger } from '@raftway/observability';
import type { RaftNode } from '@raftway/raft';
import { createMemoryCluster, type MemoryCluster } from '@raftway/raft/testing';
import {
  createClient,
  createServer,
  type RaftwayServer,
  type ServiceClient,
} from '@raftway/service-kit';
import { createIdServiceApp, type IdServiceApp } from '../src/app';
import { IdStateMachine } from '../src/domain/id-state-machine';
import type { IdResult } from '../src/domain/results';
import { idServiceOptionsSchema } from '../src/options';

export type IdClient = ServiceClient<typeof id.IdServiceService>;

/** One replica that serves over a real socket. */
export interface StartedReplica {
  readonly app: IdServiceApp;
  readonly client: IdClient;
  stop(): Promise<void>;
}

/** What a replica may have of its own. */
export interface ReplicaSettings {
  readonly wallClockMs?: () => number;
  readonly logger?: Logger;
  /** Other options, as in the environment. */
  readonly environment?: Readonly<Record<string, unknown>>;
}

/** Replicas in memory that serve over real sockets. There is no registry: what is at its address says so at once. */
export class IdGroup {
  private readonly started = new Set<StartedReplica>();

  private constructor(
    readonly cluster: MemoryCluster<IdResult>,
    private readonly noRegistry: RaftwayServer,
  ) {}

  static async start(size: number): Promise<IdGroup> {
    const cluster = await createMemoryCluster<IdResult>(size, () => new IdStateMachine());
    await cluster.leader();
    const noRegistry = createServer({ name: 'no-registry', services: [], drainDelayMs: 0 });
    await noRegistry.start();
    return new IdGroup(cluster, noRegistry);
  }

  /** Starts the service over one of the group's nodes. */
  async serve(node: number, settings: ReplicaSettings = {}): Promise<StartedReplica> {
    const stateMachine = this.cluster.stateMachine(node);
    if (!(stateMachine instanceof IdStateMachine)) throw new Error('not an id state machine');
    const app = createIdServiceApp({
      options: idServiceOptionsSchema.parse({
        bind: '127.0.0.1:0',
        httpBind: '127.0.0.1:0',
        drainDelayMs: '0ms',
        drainTimeoutMs: '1s',
        registry: this.noRegistry.address,
        instanceId: `id-service-${node}`,
        ...settings.environment,
      }),
      logger: settings.logger ?? silentLogger(),
      metrics: createMetrics({ processMetrics: false }),
      memory: { node: running(this.cluster.node(node)), stateMachine },
      wallClockMs: settings.wallClockMs,
    });
    await app.start();
    const client = createClient(id.IdServiceService, app.address, {
      attemptsMax: 1,
      shareChannel: false,
    });
    const replica: StartedReplica = {
      app,
      client,
      stop: async () => {
        this.started.delete(replica);
        client.close();
        await app.stop();
      },
    };
    this.started.add(replica);
    return replica;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.started].map((replica) => replica.stop()));
    await Promise.all([this.cluster.stop(), this.noRegistry.stop()]);
  }
}

/** The node as the app sees it: it runs already, and goes on when the app stops. */
function running(node: RaftNode<IdResult>): RaftNode<IdResult> {
  return new Proxy(node, {
    get(target, name) {
      if (name === 'start' || name === 'stop') return () => Promise.resolve();
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Waits until the condition holds; fails after twenty seconds. */
export async function eventually(condition: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`never: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
