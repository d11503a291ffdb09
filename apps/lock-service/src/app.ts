import { type NewInstance, registerSelf, type SelfRegistration } from '@raftway/discovery';
import { type Logger, type Metrics } from '@raftway/observability';
import { type RaftNode } from '@raftway/raft';
import {
  createReplica,
  createServer,
  type RaftwayServer,
  type Replica,
} from '@raftway/service-kit';
import { RaftLockBackend } from './adapters/raft-lock-backend';
import { type LockLimits } from './domain/limits';
import { LockStateMachine } from './domain/lock-state-machine';
import { type LockResult } from './domain/results';
import { observeLocks } from './metrics';
import { type LockOptions } from './options';
import { LOCK_GRPC_SERVICE, lockService } from './service/lock-service';

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
  readonly member?:
    { readonly stateMachine: LockStateMachine; readonly node: RaftNode<LockResult> } | undefined;
}

/** One replica of the lock service. */
export interface LockApp {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `host:port` of the gRPC server. @throws Error before start. */
  readonly address: string;
  readonly replica: Replica<LockResult>;
  readonly stateMachine: LockStateMachine;
  /** Calls of this replica that wait for a lock. */
  readonly waitingCalls: number;
}

/** Builds a replica of the lock service; nothing happens before start(). */
export function createLockApp(input: LockAppInput): LockApp {
  const { options, logger, metrics } = input;
  const stateMachine = input.member?.stateMachine ?? new LockStateMachine(input.limits);
  const replica = createReplica<LockResult>({
    service: 'lock-service',
    grpcServices: [LOCK_GRPC_SERVICE],
    options,
    stateMachine,
    logger,
    metrics,
    node: input.member?.node,
  });
  const backend = new RaftLockBackend({ replica, stateMachine, logger });
  observeLocks(metrics, stateMachine, () => backend.waitingCalls);
  const server = createServer({
    ...options,
    name: 'lock-service',
    replica,
    logger,
    metrics,
    services: [lockService(backend)],
    limits: { concurrentCallsMax: CONCURRENT_CALLS_MAX },
  });
  let registration: SelfRegistration | undefined;
  return {
    start: async () => {
      await server.start();
      registration = (input.register ?? registerSelf)({
        registry: options.registry,
        instance: instanceOf(options, server, replica.nodeId),
        logger,
      });
    },
    stop: async () => {
      const deregistered = registration?.deregister(DEREGISTER_TIMEOUT_MS);
      // Before the server drains: what waits here is to find another replica, and what is cancelled needs this one's log.
      await backend.drain();
      await Promise.all([deregistered, server.stop()]);
    },
    get address() {
      return server.address;
    },
    replica,
    stateMachine,
    get waitingCalls() {
      return backend.waitingCalls;
    },
  };
}

/** This replica as the registry lists it. */
function instanceOf(options: LockOptions, server: RaftwayServer, nodeId: number): NewInstance {
  return {
    service: 'lock-service',
    instanceId: options.instanceId ?? `lock-service-${nodeId}`,
    address: options.advertise ?? server.address,
    grpcServices: [LOCK_GRPC_SERVICE],
  };
}
