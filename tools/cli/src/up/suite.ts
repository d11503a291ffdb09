import { join } from 'node:path';

/** How a suite on this machine is laid out. */
export interface SuiteOptions {
  /** The workspace's root folder. */
  readonly root: string;
  /** Where the replicas keep their state. */
  readonly dataDir: string;
  /** Replicas of each Raft service: 1, 3 or 5. */
  readonly replicas: number;
  /** Added to every port, so that two suites fit on one machine. */
  readonly portOffset: number;
}

/** Members of one tier are stopped together, the lowest tier first: whoever takes calls goes before whoever answers them. */
export type Tier = 0 | 1 | 2 | 3;

/** One process of the suite. */
export interface ProcessPlan {
  /** Such as "lock-service-2". */
  readonly name: string;
  readonly service: string;
  readonly entry: string;
  /** What callers dial. */
  readonly address: string;
  /** Where /livez, /readyz and /metrics are. */
  readonly httpAddress: string;
  /** Every address that the process listens on. */
  readonly listens: readonly string[];
  /** Undefined for a process without state. */
  readonly dataDir: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly tier: Tier;
}

const HOST = '127.0.0.1';
/** Distance from a client port to the peer port and to the HTTP port of the same process. */
const PEER_PORT_DISTANCE = 1000;
const HTTP_PORT_DISTANCE = 2000;
const FIRST_PORT = { greeter: 20051, registry: 20061, 'lock-service': 20071, 'id-service': 20081 };
const GATEWAY_PORT = 8080;
const GATEWAY_ADMIN_PORT = 8081;
const GREETERS = 2;

/** Lists the suite's processes in the order in which they are started. */
export function planSuite(options: SuiteOptions): ProcessPlan[] {
  const registry = replicaAddresses('registry', 0, options).join(',');
  const plans: ProcessPlan[] = [];
  for (const service of ['registry', 'lock-service', 'id-service'] as const) {
    for (let ordinal = 0; ordinal < options.replicas; ordinal += 1) {
      plans.push(planReplica(service, ordinal, registry, options));
    }
  }
  plans.push(planGateway(registry, options));
  for (let ordinal = 0; ordinal < GREETERS; ordinal += 1) {
    plans.push(planGreeter(ordinal, registry, options));
  }
  return plans;
}

/** Where a client calls the suite. */
export function gatewayAddress(options: Pick<SuiteOptions, 'portOffset'>): string {
  return `${HOST}:${GATEWAY_PORT + options.portOffset}`;
}

type ReplicatedService = 'registry' | 'lock-service' | 'id-service';

function planReplica(
  service: ReplicatedService,
  ordinal: number,
  registry: string,
  options: SuiteOptions,
): ProcessPlan {
  const port = FIRST_PORT[service] + ordinal + options.portOffset;
  const name = `${service}-${ordinal + 1}`;
  const address = `${HOST}:${port}`;
  const peerAddress = `${HOST}:${port + PEER_PORT_DISTANCE}`;
  const httpAddress = `${HOST}:${port + HTTP_PORT_DISTANCE}`;
  const dataDir = join(options.dataDir, name);
  const isRegistry = service === 'registry';
  return {
    name,
    service,
    entry: entryOf(service, options),
    address,
    httpAddress,
    listens: [address, peerAddress, httpAddress],
    dataDir,
    environment: {
      RAFTWAY_BIND: address,
      RAFTWAY_HTTP_BIND: httpAddress,
      RAFTWAY_PEER_BIND: peerAddress,
      RAFTWAY_NODE_ID: String(ordinal + 1),
      RAFTWAY_PEERS: numbered(replicaAddresses(service, PEER_PORT_DISTANCE, options)),
      RAFTWAY_DATA_DIR: dataDir,
      ...(isRegistry
        ? { RAFTWAY_REPLICAS: numbered(replicaAddresses(service, 0, options)) }
        : { RAFTWAY_REGISTRY: registry, RAFTWAY_INSTANCE_ID: name }),
    },
    tier: isRegistry ? 3 : 2,
  };
}

function planGateway(registry: string, options: SuiteOptions): ProcessPlan {
  const address = gatewayAddress(options);
  const adminAddress = `${HOST}:${GATEWAY_ADMIN_PORT + options.portOffset}`;
  const httpAddress = `${HOST}:${GATEWAY_PORT + HTTP_PORT_DISTANCE + options.portOffset}`;
  return {
    name: 'gateway',
    service: 'gateway',
    entry: entryOf('gateway', options),
    address,
    httpAddress,
    listens: [address, adminAddress, httpAddress],
    dataDir: undefined,
    environment: {
      RAFTWAY_BIND: address,
      RAFTWAY_ADMIN_BIND: adminAddress,
      RAFTWAY_HTTP_BIND: httpAddress,
      RAFTWAY_REGISTRY: registry,
    },
    tier: 0,
  };
}

function planGreeter(ordinal: number, registry: string, options: SuiteOptions): ProcessPlan {
  const port = FIRST_PORT.greeter + ordinal + options.portOffset;
  const name = `greeter-${ordinal + 1}`;
  const address = `${HOST}:${port}`;
  const httpAddress = `${HOST}:${port + HTTP_PORT_DISTANCE}`;
  return {
    name,
    service: 'greeter',
    entry: entryOf('greeter', options),
    address,
    httpAddress,
    listens: [address, httpAddress],
    dataDir: undefined,
    environment: {
      RAFTWAY_BIND: address,
      RAFTWAY_HTTP_BIND: httpAddress,
      RAFTWAY_REGISTRY: registry,
      RAFTWAY_GATEWAY: gatewayAddress(options),
      RAFTWAY_INSTANCE_ID: name,
    },
    tier: 1,
  };
}

function replicaAddresses(
  service: ReplicatedService,
  distance: number,
  options: SuiteOptions,
): string[] {
  return Array.from(
    { length: options.replicas },
    (_, ordinal) => `${HOST}:${FIRST_PORT[service] + ordinal + distance + options.portOffset}`,
  );
}

function numbered(addresses: readonly string[]): string {
  return addresses.map((address, ordinal) => `${ordinal + 1}=${address}`).join(',');
}

function entryOf(service: string, options: SuiteOptions): string {
  return join(options.root, 'apps', service, 'dist', 'main.js');
}
