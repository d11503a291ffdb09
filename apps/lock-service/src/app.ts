import { splitHostPort } from '@raftway/config';
import { type NewInstance, registerSelf, type SelfRegistration } from '@raftway/discovery';
import { type Logger, type Metrics } from '@raftway/observability';
import { createServer, type Replica } from '@raftway/service-kit';
import { hostname } from 'node:os';
import { type LockLimits } from './domain/limits';
import { type LockResult } from './domain/results';
import { observeLocks } from './metrics';
import { type LockOptions } from './options';
import { LOCK_GRPC_SERVICE, lockService } from './service/lock-service';
import { createLockStore, type RaftMember } from './store';

/** Calls of one replica at the same time: most of them wait for locks. */
const CONCURRENT_CALLS_MAX = 20_000;

/** How long a stopping replica tries to leave the registry, in milliseconds; after that its entry expires. */
const DEREGISTER_TIMEOUT_MS = 1_000;

/** What {@link createLockApp} takes. */
export interface LockAppInput {
  readonly options: LockOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Must be the same on every replica. @default DEFAULT_LOCK_LIMITS */
  readonly limits?: LockLimits | undefined;
  /** @default registerSelf of discovery */
  readonly register?: typeof registerSelf | undefined;
  /** Instead of the state machine and node that the options describe: for specs. */
  readonly member?: RaftMember | undefined;
}

/** One replica of the lock service. */
export interface LockApp {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `host:port` of the gRPC server. @throws Error before start. */
  readonly address: string;
  /** The Raft node; undefined with the Redis backend. */
  readonly replica: Replica<LockResult> | undefined;
  /** Calls of this replica that wait for a lock. */
  readonly waitingCalls: number;
}

/** Builds a replica of the lock service; nothing happens before start(). */
export function createLockApp(input: LockAppInput): LockApp {
  const { options, logger, metrics } = input;
  const store = createLockStore(input);
  observeLocks(metrics, store);
  const server = createServer({
    ...options,
    name: 'lock-service',
    replica: store.component,
    logger,
    metrics,
    services: [lockService(store.backend)],
    limits: { concurrentCallsMax: CONCURRENT_CALLS_MAX },
  });
  let registration: SelfRegistration | undefined;
  return {
    start: async () => {
      await server.start();
      registration = (input.register ?? registerSelf)({
        registry: options.registry,
        instance: instanceOf(options, server.address, store.replica?.nodeId),
        logger,
      });
    },
    stop: async () => {
      const deregistered = registration?.deregister(DEREGISTER_TIMEOUT_MS);
      // Before the server drains: what waits here is to find another replica, and what is cancelled needs this one's store.
      await store.drain();
      await Promise.all([deregistered, server.stop()]);
    },
    get address() {
      return server.address;
    },
    replica: store.replica,
    get waitingCalls() {
      return store.waitingCalls();
    },
  };
}

/** This replica as the registry lists it. Without a Raft node there is no node id to tell replicas apart by. */
function instanceOf(
  options: LockOptions,
  boundAddress: string,
  nodeId: number | undefined,
): NewInstance {
  const within = nodeId ?? `${hostname()}-${splitHostPort(boundAddress)?.port ?? 0}`;
  return {
    service: 'lock-service',
    instanceId: options.instanceId ?? `lock-service-${within}`,
    address: options.advertise ?? boundAddress,
    grpcServices: [LOCK_GRPC_SERVICE],
  };
}
