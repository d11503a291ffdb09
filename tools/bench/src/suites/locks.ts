import { lock } from '@raftway/contracts';
import { BenchError } from '../bench-error';
import type { Contender } from '../measure/contender';
import { closedLoop } from '../measure/load';
import { UnaryClient } from '../measure/unary';
import { type EtcdCluster, startEtcd } from '../servers/etcd';
import {
  leaseGrantRequest,
  leaseIdOf,
  lockKeyOf,
  lockRequest,
  unlockRequest,
} from '../servers/etcd-messages';
import { type RaftwayGroup, startRaftwayGroup } from '../servers/raftway';
import { RedisClient, startRedis } from '../servers/redis';
import type { Workbench } from '../workbench';
import { OURS, type Suite } from './suite';

/** Longer than any run: nobody renews here. */
const TTL_SECONDS = 3600;
const UNLOCK_SCRIPT =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

/** Taking a lock and giving it back. */
export const locks: Suite = {
  name: 'locks',
  title: 'Locks: acquire and release',
  programs: ['etcd', 'redis-server'],
  levels: [1, 16, 64, 256],
  baseline: 'etcd',
  operation: 'one cycle: acquire a free lock, then release it',
  method: [
    'Each worker has a lock name and a session (etcd: a lease, Redis: a random value) of its own and makes cycles one after the other.',
    'One client process for all; gRPC calls go with the same small HTTP/2 client over one connection to the leader, for us and for etcd alike.',
    'Raftway: `Acquire` and `Release` of `raftway.lock.v1.LockService`, three replicas. etcd: `Lock` and `Unlock` of `v3lockpb.Lock`, three members.',
    'Redis: `SET NX PX` and a script that deletes, one server with `appendfsync always`. It is shown for orientation: it has no replica, ' +
      'no fencing token and no queue, and its one disk is all that stands between two holders.',
  ],
  targets: [
    {
      text: 'at least twice as many cycles a second as etcd at 64 in flight',
      score: (find) => find(OURS, 64).perSecond / find('etcd', 64).perSecond / 2,
    },
    {
      text: 'a median at 1 in flight no longer than that of etcd',
      score: (find) => find('etcd', 1).p50Ms / find(OURS, 1).p50Ms,
    },
  ],
  prepare: async (bench) => {
    const registry = await startRaftwayGroup(bench, 'registry', undefined, 1);
    const [group, etcd, redis] = await Promise.all([
      startRaftwayGroup(bench, 'lock-service', registry.leader),
      startEtcd(bench),
      startRedis(bench),
    ]);
    return [
      ourLocks(bench, group),
      etcdLocks(bench, etcd),
      await redisLocks(bench, redis.pid, redis.port),
    ];
  },
};

function ourLocks(bench: Workbench, group: RaftwayGroup): Contender {
  const client = new UnaryClient(group.leader);
  bench.onStop(() => Promise.resolve(client.close()));
  const { openSession, acquire, release } = lock.LockServiceService;
  const sessionOf = perWorker(async () => {
    const ttl = { seconds: BigInt(TTL_SECONDS), nanos: 0 };
    return (await client.call(openSession, { ttl, requestId: '' })).sessionId;
  });
  return {
    name: OURS,
    pids: group.pids,
    syncs: group.syncs,
    load: async (inFlight, seconds) => {
      const sessions = await sessionsOf(sessionOf, inFlight);
      return closedLoop(inFlight, seconds, async (worker) => {
        const name = `bench-${worker}`;
        const sessionId = sessions[worker] ?? '';
        const acquired = await client.call(
          acquire,
          lock.AcquireRequest.fromPartial({ name, sessionId }),
        );
        const { fencingToken } = acquired;
        if (!acquired.acquired) throw new BenchError('a lock that nobody else asks for was held');
        await client.call(release, { name, sessionId, fencingToken, ownerId: '', requestId: '' });
      });
    },
  };
}

function etcdLocks(bench: Workbench, etcd: EtcdCluster): Contender {
  const client = new UnaryClient(etcd.leader);
  bench.onStop(() => Promise.resolve(client.close()));
  const leaseOf = perWorker(async () =>
    leaseIdOf(
      await client.callBytes('/etcdserverpb.Lease/LeaseGrant', leaseGrantRequest(TTL_SECONDS)),
    ),
  );
  return {
    name: 'etcd',
    pids: etcd.pids,
    syncs: etcd.syncs,
    load: async (inFlight, seconds) => {
      const leases = await sessionsOf(leaseOf, inFlight);
      return closedLoop(inFlight, seconds, async (worker) => {
        const request = lockRequest(`bench-${worker}`, leases[worker] ?? 0n);
        const key = lockKeyOf(await client.callBytes('/v3lockpb.Lock/Lock', request));
        await client.callBytes('/v3lockpb.Lock/Unlock', unlockRequest(key));
      });
    },
  };
}

async function redisLocks(bench: Workbench, pid: number, port: number): Promise<Contender> {
  const client = await RedisClient.connect(port);
  bench.onStop(() => Promise.resolve(client.close()));
  return {
    name: 'Redis',
    pids: [pid],
    load: (inFlight, seconds) =>
      closedLoop(inFlight, seconds, async (worker) => {
        const name = `bench-${worker}`;
        const ttl = String(TTL_SECONDS * 1000);
        const taken = await client.command('SET', name, `owner-${worker}`, 'NX', 'PX', ttl);
        const freed = await client.command('EVAL', UNLOCK_SCRIPT, '1', name, `owner-${worker}`);
        if (taken !== '+OK' || freed !== ':1') throw new BenchError(`redis: ${taken} ${freed}`);
      }),
  };
}

/** Remembers what a worker has, over all levels and rounds. */
function perWorker<Value>(make: () => Promise<Value>): (worker: number) => Promise<Value> {
  const values: Promise<Value>[] = [];
  return (worker) => (values[worker] ??= make());
}

function sessionsOf<Value>(
  sessionOf: (worker: number) => Promise<Value>,
  inFlight: number,
): Promise<Value[]> {
  return Promise.all(Array.from({ length: inFlight }, (_, worker) => sessionOf(worker)));
}
