import { type Logger, type Metrics } from '@raftway/observability';
import { type RaftNode } from '@raftway/raft';
import { createReplica, type Replica, type ServerOptions } from '@raftway/service-kit';
import { type ServerTls } from '@raftway/tls';
import { RaftLockBackend } from './adapters/raft-lock-backend';
import { RedisLockBackend } from './adapters/redis/redis-lock-backend';
import { DEFAULT_LOCK_LIMITS, type LockLimits } from './domain/limits';
import { LockStateMachine } from './domain/lock-state-machine';
import { type LockResult } from './domain/results';
import { type LockOptions } from './options';
import { type LockBackend } from './service/lock-backend';
import { LOCK_GRPC_SERVICE } from './service/lock-service';

/** A member of a Raft group of lock services. */
export interface RaftMember {
  readonly stateMachine: LockStateMachine;
  readonly node: RaftNode<LockResult>;
}

/** What {@link createLockStore} takes. */
export interface LockStoreInput {
  readonly options: LockOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tls?: ServerTls | undefined;
  readonly limits?: LockLimits | undefined;
  readonly member?: RaftMember | undefined;
}

/** How much there is: for metrics. */
export interface LockCounts {
  readonly sessions: number;
  readonly locks: number;
  readonly waiters: number;
}

/** Where one process keeps its locks, with what its server needs of it. */
export interface LockStore {
  readonly backend: LockBackend;
  /** Started before the server and stopped after it; says whether calls can be served. */
  readonly component: NonNullable<ServerOptions['replica']>;
  /** Ends what waits here, and lets no further call wait. */
  drain(): Promise<void>;
  counts(): LockCounts;
  /** Calls of this process that wait for a lock. */
  waitingCalls(): number;
  /** The Raft node; undefined when there is none. */
  readonly replica: Replica<LockResult> | undefined;
}

/** The store that the options choose; nothing happens before its component is started. */
export function createLockStore(input: LockStoreInput): LockStore {
  return input.options.lockBackend === 'redis' ? redisStore(input) : raftStore(input);
}

function raftStore({ options, logger, metrics, tls, limits, member }: LockStoreInput): LockStore {
  const stateMachine = member?.stateMachine ?? new LockStateMachine(limits);
  const replica = createReplica<LockResult>({
    service: 'lock-service',
    grpcServices: [LOCK_GRPC_SERVICE],
    options,
    stateMachine,
    logger,
    metrics,
    node: member?.node,
    tls: tls?.source,
  });
  const backend = new RaftLockBackend({ replica, stateMachine, logger });
  return {
    backend,
    component: replica,
    drain: () => backend.drain(),
    counts: () => stateMachine.counts,
    waitingCalls: () => backend.waitingCalls,
    replica,
  };
}

/** No Raft node: one Redis is all the state there is. */
function redisStore({ options, logger, limits = DEFAULT_LOCK_LIMITS }: LockStoreInput): LockStore {
  const { redisUrl: target, redisKeyPrefix: keyPrefix } = options;
  if (target === undefined) throw new TypeError('the redis backend needs redisUrl');
  const backend = new RedisLockBackend({ target, keyPrefix, limits, logger });
  return {
    backend,
    component: {
      services: [],
      start: () => backend.start(),
      stop: () => backend.stop(),
      readiness: () => backend.readiness(),
      // Every service follows readiness.
      reportServing: () => undefined,
    },
    drain: () => backend.drain(),
    counts: () => backend.counts,
    waitingCalls: () => backend.waitingCalls,
    replica: undefined,
  };
}
