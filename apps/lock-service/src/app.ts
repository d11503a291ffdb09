import { defaultInstanceId, registeredServer, type registerSelf } from '@raftway/discovery';
import { type Logger, type Metrics } from '@raftway/observability';
import { createServer, type Replica } from '@raftway/service-kit';
import { type ServerTls } from '@raftway/tls';
import { type LockLimits } from './domain/limits';
import { type LockResult } from './domain/results';
import { observeLocks } from './metrics';
import { type LockOptions } from './options';
import { LOCK_GRPC_SERVICE, lockService } from './service/lock-service';
import { createLockStore, type RaftMember } from './store';

const SERVICE = 'lock-service';

/** Calls of one replica at the same time: most of them wait for locks. */
const CONCURRENT_CALLS_MAX = 20_000;

/** What {@link createLockApp} takes. */
export interface LockAppInput {
  readonly options: LockOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Certificates of all links. @default plaintext */
  readonly tls?: ServerTls | undefined;
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
  const { options, logger, metrics, tls } = input;
  const store = createLockStore(input);
  const { replica } = store;
  observeLocks(metrics, store);
  const server = createServer({
    ...options,
    name: SERVICE,
    replica: store.component,
    logger,
    metrics,
    tls,
    services: [lockService(store.backend)],
    limits: { concurrentCallsMax: CONCURRENT_CALLS_MAX },
  });
  const instanceId = () =>
    options.instanceId ??
    (replica === undefined
      ? defaultInstanceId(SERVICE, server.address)
      : `${SERVICE}-${replica.nodeId}`);
  const running = registeredServer({
    server,
    options,
    service: SERVICE,
    instanceId,
    grpcServices: [LOCK_GRPC_SERVICE],
    logger,
    whenUseful: replica && ((signal) => replica.whenUseful(signal)),
    register: input.register,
    tls: tls?.source,
  });
  return {
    start: () => running.start(),
    // What waits here is to find another replica, and what is cancelled needs this one's store.
    stop: () => running.stop(() => store.drain()),
    get address() {
      return server.address;
    },
    replica,
    get waitingCalls() {
      return store.waitingCalls();
    },
  };
}
