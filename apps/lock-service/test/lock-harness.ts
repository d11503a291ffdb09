import { lock } from '@raftway/contracts';
import { type SelfRegistration } from '@raftway/discovery';
import { createMetrics, type Logger, silentLogger } from '@raftway/observability';
import { createMemoryCluster, createSingleNode, type MemoryCluster } from '@raftway/raft/testing';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { createLockApp, type LockApp } from '../src/app';
import { DEFAULT_LOCK_LIMITS, type LockLimits } from '../src/domain/limits';
import { LockStateMachine } from '../src/domain/lock-state-machine';
import { type LockResult } from '../src/domain/results';
import { lockOptionsSchema } from '../src/options';
import { type LockCounts } from '../src/store';

export type LockClient = ServiceClient<typeof lock.LockServiceService>;

/** What a spec sees of a replica's store, past its calls. */
export interface StoreView {
  /** How many wait for a lock. */
  waiters(name: string): Promise<number>;
  /** The session that holds a lock. */
  holder(name: string): Promise<string | undefined>;
  counts(): Promise<LockCounts>;
  /** Everything that calls can change, as text to compare. */
  state(): Promise<string>;
}

/** One replica behind a real gRPC socket, with a client of it. */
export interface Served extends StoreView {
  readonly app: LockApp;
  readonly client: LockClient;
  stop(): Promise<void>;
}

/** A replica whose locks are in a Raft group in memory. */
export interface RaftServed extends Served {
  readonly stateMachine: LockStateMachine;
  readonly nodeId: number;
}

/** Options of a replica that takes any free port and stops at once. */
export const ENVIRONMENT = {
  bind: '127.0.0.1:0',
  httpBind: '127.0.0.1:0',
  drainDelayMs: '0ms',
  drainTimeoutMs: '1s',
};

/** A registry that takes everything and needs no socket. */
export const register = (): SelfRegistration => ({
  isRegistered: () => true,
  leaseId: () => 'lease',
  registered: () => Promise.resolve(),
  setStatus: () => Promise.resolve(true),
  deregister: () => Promise.resolve(),
});

/** Starts a replica and makes a client of it. @param view.close Called at the end. */
export async function serveApp(
  app: LockApp,
  view: StoreView & { close?(): void },
): Promise<Served> {
  await app.start();
  const client = createClient(lock.LockServiceService, app.address, { attemptsMax: 1 });
  return {
    ...view,
    app,
    client,
    stop: async () => {
      client.close();
      await app.stop();
      view.close?.();
    },
  };
}

async function serve(member: {
  stateMachine: LockStateMachine;
  node: Awaited<ReturnType<typeof createSingleNode<LockResult>>>;
  logger?: Logger | undefined;
}): Promise<RaftServed> {
  const { stateMachine } = member;
  const app = createLockApp({
    options: lockOptionsSchema.parse(ENVIRONMENT),
    logger: member.logger ?? silentLogger(),
    metrics: createMetrics({ processMetrics: false }),
    member,
    register,
  });
  const served = await serveApp(app, {
    waiters: async (name) => stateMachine.lock(name).waiters.length,
    holder: async (name) => stateMachine.holders(name)[0]?.sessionId,
    counts: async () => stateMachine.counts,
    // Without the format version and the clock.
    state: async () => Buffer.from(stateMachine.snapshot()).subarray(9).toString('hex'),
  });
  return { ...served, stateMachine, nodeId: app.replica?.nodeId ?? 0 };
}

/** A group of one in memory. */
export async function serveSingle(
  limits: Partial<LockLimits> = {},
  logger?: Logger,
): Promise<RaftServed> {
  const stateMachine = new LockStateMachine({ ...DEFAULT_LOCK_LIMITS, ...limits });
  return serve({ stateMachine, node: await createSingleNode(stateMachine), logger });
}

/** A group of three in memory, each replica behind its own socket. */
export interface ServedCluster {
  readonly cluster: MemoryCluster<LockResult>;
  readonly replicas: readonly [RaftServed, RaftServed, RaftServed];
  /** The replica that leads, and the others. */
  byRole(): Promise<{ leader: RaftServed; followers: [RaftServed, RaftServed] }>;
  stop(): Promise<void>;
}

export async function serveCluster(): Promise<ServedCluster> {
  const cluster = await createMemoryCluster<LockResult>(3, () => new LockStateMachine());
  await cluster.leader();
  const member = (id: number) =>
    serve({ stateMachine: cluster.stateMachine(id) as LockStateMachine, node: cluster.node(id) });
  const replicas = await Promise.all([member(1), member(2), member(3)]);
  return {
    cluster,
    replicas,
    byRole: async () => {
      const { id } = await cluster.leader();
      const leader = replicas.find((it) => it.nodeId === id);
      const [one, two] = replicas.filter((it) => it.nodeId !== id);
      if (leader === undefined || one === undefined || two === undefined) throw new Error('roles');
      return { leader, followers: [one, two] };
    },
    stop: async () => {
      await Promise.all(replicas.map((replica) => replica.stop()));
      await cluster.stop();
    },
  };
}

/** Waits until a condition holds. @throws after `timeoutMs` */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const giveUpAtMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAtMs) throw new Error(`never came true: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Milliseconds as protobuf's Duration. */
export function ms(milliseconds: number) {
  const seconds = Math.trunc(milliseconds / 1_000);
  return { seconds: BigInt(seconds), nanos: (milliseconds - seconds * 1_000) * 1e6 };
}
