import type { registry } from '@raftway/contracts';
import type { Logger, Metrics } from '@raftway/observability';
import type { RaftNode } from '@raftway/raft';
import {
  createReplica,
  createServer,
  ownCall,
  type RaftwayServer,
  RenewalBatcher,
  type Replica,
} from '@raftway/service-kit';
import type { ServerTls } from '@raftway/tls';
import { encodeCommand } from './domain/commands';
import { RegistryStateMachine } from './domain/registry-state-machine';
import type { RegistryResult } from './domain/results';
import { observeRegistry } from './metrics';
import type { RegistryOptions } from './options';
import { configService } from './service/config-service';
import { ownReplicas, REGISTRY_GRPC_SERVICE } from './service/own-replicas';
import { registryService } from './service/registry-service';
import { WatchHub, type WatchTiming } from './service/watch-hub';
import { WatchStreams } from './service/watch-stream';

/** Where configuration is read and changed; not registered, as it is for operators and the suite's own processes. */
const CONFIG_GRPC_SERVICE = 'raftway.registry.v1.ConfigService';

/** What {@link createRegistryApp} takes. */
export interface RegistryAppInput {
  readonly options: RegistryOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Certificates of all links. @default plaintext */
  readonly tls?: ServerTls | undefined;
  readonly timing?: WatchTiming | undefined;
  /** Instead of the node and its state machine that the options describe: for specs. */
  readonly inMemory?:
    | {
        readonly stateMachine: RegistryStateMachine;
        readonly node: RaftNode<RegistryResult>;
      }
    | undefined;
  /** @default Date.now */
  readonly wallClockMs?: (() => number) | undefined;
}

/** One replica of the registry. */
export interface RegistryApp {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `host:port` of the gRPC server. @throws Error before start. */
  readonly address: string;
  /** Lease renewals without an answer yet. */
  readonly pendingRenewals: number;
  readonly replica: Replica<RegistryResult>;
}

/** Builds a replica of the registry; nothing happens before start(). */
export function createRegistryApp(input: RegistryAppInput): RegistryApp {
  const { options, logger, metrics, tls, wallClockMs = Date.now } = input;
  const stateMachine = input.inMemory?.stateMachine ?? new RegistryStateMachine();
  const replica = createReplica<RegistryResult>({
    service: 'registry',
    grpcServices: [REGISTRY_GRPC_SERVICE, CONFIG_GRPC_SERVICE],
    options,
    stateMachine,
    logger,
    metrics,
    node: input.inMemory?.node,
    tls: tls?.source,
  });
  const state = () => stateMachine.state;
  const hub = new WatchHub(
    {
      state,
      confirm: () => replica.read(ownCall()),
      onApplied: (listener) => replica.node.onApplied(listener),
    },
    logger,
    input.timing,
  );
  const configHub = new WatchHub(
    {
      // Watchers of configuration are few, and each looks for what is below its prefix.
      state: () => ({ revision: stateMachine.config.revision, changesSince: () => undefined }),
      confirm: () => replica.read(ownCall()),
      onApplied: (listener) => replica.node.onApplied(listener),
    },
    logger,
    { coalesceMs: 5, ...input.timing },
  );
  const observed = observeRegistry(metrics, stateMachine, hub);
  let server: RaftwayServer | undefined = undefined;
  const listed = once(() => listedReplicas(options, replica.nodeId, () => server?.address ?? ''));
  const renewals = new RenewalBatcher((leaseIds) => renew(replica, leaseIds, observed.renewed));
  server = createServer({
    ...options,
    name: 'registry',
    replica,
    logger,
    metrics,
    tls,
    services: [
      registryService({
        replica,
        state,
        renewals,
        watches: new WatchStreams({ hub, state, ownReplicas: listed, onReset: observed.reset }),
        ownReplicas: listed,
        wallClockMs,
        logger,
      }),
      configService({ replica, config: () => stateMachine.config, hub: configHub, wallClockMs }),
    ],
  });
  return appOf(server, replica, [hub, configHub], renewals);
}

function appOf(
  server: RaftwayServer,
  replica: Replica<RegistryResult>,
  hubs: readonly WatchHub[],
  renewals: RenewalBatcher,
): RegistryApp {
  return {
    start: () => server.start(),
    stop: async () => {
      await server.stop();
      for (const hub of hubs) hub.stop();
    },
    get address() {
      return server.address;
    },
    get pendingRenewals() {
      return renewals.size;
    },
    replica,
  };
}

/** Proposes one batch of renewals. */
async function renew(
  replica: Replica<RegistryResult>,
  leaseIds: readonly string[],
  onRenewed: (count: number) => void,
): Promise<readonly number[]> {
  const { result } = await replica.propose(encodeCommand({ kind: 'renew', leaseIds }), ownCall());
  if (result.kind !== 'renewed') throw new Error(`renewals were answered with ${result.kind}`);
  onRenewed(leaseIds.length);
  return result.ttlsMs;
}

/** What RAFTWAY_REPLICAS says, or this replica alone at the address that it advertises. */
function listedReplicas(
  options: RegistryOptions,
  nodeId: number,
  boundAddress: () => string,
): readonly registry.Instance[] {
  const { replicas, advertise } = options;
  return ownReplicas(replicas ?? new Map([[nodeId, advertise ?? boundAddress()]]));
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}
