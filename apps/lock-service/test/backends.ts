import { lock } from '@raftway/contracts';
import { type Logger } from '@raftway/observability';
import { type LockLimits } from '../src/domain/limits';
import { serveCluster, type Served, serveSingle } from './lock-harness';
import { freshPrefix, serveRedis } from './redis-harness';
import { RedisServer, runsWithRedis } from '@raftway/service-kit/testing';

/** Three replicas that share their locks. */
export interface ServedReplicas {
  readonly replicas: readonly [Served, Served, Served];
  stop(): Promise<void>;
}

/** One way to keep locks, as specs of behaviour that all backends share see it. */
export interface Backend {
  readonly guarantee: lock.Guarantee;
  /** Before the first replica. */
  start(): Promise<void>;
  serve(limits?: Partial<LockLimits>, logger?: Logger): Promise<Served>;
  serveReplicas(): Promise<ServedReplicas>;
  /** After the last replica. */
  stop(): Promise<void>;
}

const raft = (): Backend => ({
  guarantee: lock.Guarantee.LINEARIZABLE,
  start: () => Promise.resolve(),
  serve: serveSingle,
  serveReplicas: serveCluster,
  stop: () => Promise.resolve(),
});

function redis(): Backend {
  let server: RedisServer | undefined;
  const url = () => {
    if (server === undefined) throw new Error('Redis is not started');
    return server.url;
  };
  return {
    guarantee: lock.Guarantee.BEST_EFFORT,
    start: async () => {
      server = await RedisServer.start('--appendfsync', 'no');
    },
    serve: (limits = {}, logger) => serveRedis({ url: url(), limits, logger }),
    serveReplicas: async () => {
      const serving = { url: url(), keyPrefix: freshPrefix() };
      const replicas = await Promise.all([
        serveRedis(serving),
        serveRedis(serving),
        serveRedis(serving),
      ]);
      const stop = async () => {
        await Promise.all(replicas.map((replica) => replica.stop()));
      };
      return { replicas, stop };
    },
    stop: async () => server?.stop(),
  };
}

/** Describes behaviour that is the same whatever keeps the locks. */
export function describeBackends(describeOne: (backend: Backend) => void): void {
  describe('with the raft backend', () => describeStarted(raft(), describeOne));
  if (runsWithRedis())
    describe('with the redis backend', () => describeStarted(redis(), describeOne));
}

function describeStarted(backend: Backend, describeOne: (backend: Backend) => void): void {
  beforeAll(() => backend.start());
  describeOne(backend);
  // Behind those of the specs: hooks run in their order.
  afterAll(() => backend.stop());
}
