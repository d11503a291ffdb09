import { registeredServer } from '@raftway/discovery';
import type { Logger, Metrics } from '@raftway/observability';
import type { RaftNode } from '@raftway/raft';
import {
  createReplica,
  createServer,
  type Replica,
  type ServerComponent,
} from '@raftway/service-kit';
import type { ServerTls } from '@raftway/tls';
import { randomUUID } from 'node:crypto';
import { WorkerKeeper } from './adapters/worker-keeper';
import { IdIssuer } from './domain/id-issuer';
import { IdStateMachine } from './domain/id-state-machine';
import type { IdResult } from './domain/results';
import { observeIds } from './metrics';
import type { IdServiceOptions } from './options';
import { ID_GRPC_SERVICE, idService } from './service/id-service';
import { refusalError } from './service/refusals';

const SERVICE = 'id-service';
/** How far ahead of its position a replica reserves milliseconds. What a crash loses, and for how long ids survive a lost majority. */
const RESERVE_MS = 3_000;
/** How long a worker number stays taken after its holder was last heard of, on the log clock. */
const LEASE_MS = 30_000;

/** What {@link createIdServiceApp} takes. */
export interface IdServiceAppInput {
  readonly options: IdServiceOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Certificates of all links. @default plaintext */
  readonly tls?: ServerTls | undefined;
  /** Instead of the node that the options describe, and with the state machine that it drives: for specs. */
  readonly memory?: { node: RaftNode<IdResult>; stateMachine: IdStateMachine } | undefined;
  /** The machine's wall clock in Unix milliseconds. @default Date.now */
  readonly wallClockMs?: (() => number) | undefined;
}

/** One replica of the id service. */
export interface IdServiceApp {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `host:port` of the gRPC server. @throws Error before start. */
  readonly address: string;
  /** `host:port` of the HTTP probes. */
  readonly httpAddress: string | undefined;
  readonly replica: Replica<IdResult>;
}

/** Builds a replica of the id service; nothing happens before start(). */
export function createIdServiceApp(input: IdServiceAppInput): IdServiceApp {
  const { options, logger, metrics, tls } = input;
  const stateMachine = input.memory?.stateMachine ?? new IdStateMachine();
  const replica = createReplica<IdResult>({
    service: SERVICE,
    grpcServices: [ID_GRPC_SERVICE],
    options,
    stateMachine,
    logger,
    metrics,
    node: input.memory?.node,
    tls: tls?.source,
  });
  const instanceId = options.instanceId ?? `${SERVICE}-${replica.nodeId}`;
  const keeper = createKeeper(input, replica, instanceId);
  const epochMs = () => stateMachine.epochMs ?? options.idEpoch.getTime();
  const server = createServer({
    ...options,
    name: SERVICE,
    replica: withKeeper(replica, keeper),
    logger,
    metrics,
    tls,
    services: [idService({ keeper, replica, epochMs })],
  });
  const running = registeredServer({
    server,
    options,
    service: SERVICE,
    instanceId: () => instanceId,
    grpcServices: [ID_GRPC_SERVICE],
    logger,
    whenUseful: (signal) => replica.whenUseful(signal),
    tls: tls?.source,
  });
  return {
    start: () => running.start(),
    stop: () => running.stop(),
    get address() {
      return server.address;
    },
    get httpAddress() {
      return server.httpAddress;
    },
    replica,
  };
}

function createKeeper(
  input: IdServiceAppInput,
  replica: Replica<IdResult>,
  instanceId: string,
): WorkerKeeper {
  const epochMs = input.options.idEpoch.getTime();
  const issuer = new IdIssuer({
    epochMs,
    instanceId,
    incarnation: randomUUID(),
    reserveMs: RESERVE_MS,
    leaseMs: LEASE_MS,
  });
  return new WorkerKeeper({
    issuer,
    propose: (command, call) => replica.propose(command, call),
    explain: (refusal) => refusalError(refusal, { epochMs }),
    wallClockMs: input.wallClockMs ?? Date.now,
    leaseMs: LEASE_MS,
    logger: input.logger,
    observer: observeIds(input.metrics, issuer),
  });
}

/** The keeper lives within the replica: it asks once the replica runs, and gives its worker back before the replica stops. */
function withKeeper(replica: Replica<IdResult>, keeper: WorkerKeeper): ServerComponent {
  return {
    services: replica.services,
    reportServing: (setServingStatus) => replica.reportServing(setServingStatus),
    readiness: () => {
      const ready = replica.readiness();
      return ready === true && keeper.isHopeless ? (keeper.problem?.rawMessage ?? ready) : ready;
    },
    start: async () => {
      await replica.start();
      keeper.start();
    },
    stop: async () => {
      await keeper.stop();
      await replica.stop();
    },
  };
}
