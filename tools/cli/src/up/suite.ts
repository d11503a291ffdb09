import { join } from 'node:path';
import { type AppEntry, readAppList } from '@raftway/config';

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
/** From the port in a container to the first instance's port here, below the range that outgoing connections take theirs from. */
const LOOPBACK_DISTANCE = -30_000;
const GATEWAY = 'gateway';
const GATEWAY_PORT = 8080;
const GATEWAY_ADMIN_PORT = 8081;
/** Instances of an app that keeps no replicated state. */
const INSTANCES = 2;

/** Lists the suite's processes in the order in which they are started: that of `apps/apps.json`. */
export function planSuite(options: SuiteOptions): ProcessPlan[] {
  const apps = readAppList(options.root);
  const registry = replicaAddresses(appNamed('registry', apps), 0, options).join(',');
  return [...apps].flatMap(([name, entry]) => {
    if (name === GATEWAY) return [planGateway(registry, options)];
    const app = { ...entry, name };
    return entry.peerPort === undefined
      ? times(INSTANCES, (ordinal) => planInstance(app, ordinal, registry, options))
      : times(options.replicas, (ordinal) => planReplica(app, ordinal, registry, options));
  });
}

/** The gRPC services that the suite's apps serve through the gateway. */
export function routedServices({ root }: Pick<SuiteOptions, 'root'>): string[] {
  return [...readAppList(root).values()].flatMap(({ grpcServices }) => grpcServices);
}

/** Where a client calls the suite. */
export function gatewayAddress(options: Pick<SuiteOptions, 'portOffset'>): string {
  return `${HOST}:${GATEWAY_PORT + options.portOffset}`;
}

type NamedApp = AppEntry & { readonly name: string };

function planReplica(
  app: NamedApp,
  ordinal: number,
  registry: string,
  options: SuiteOptions,
): ProcessPlan {
  const service = app.name;
  const port = portOf(app, ordinal, options);
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
      RAFTWAY_PEERS: numbered(replicaAddresses(app, PEER_PORT_DISTANCE, options)),
      RAFTWAY_DATA_DIR: dataDir,
      ...(isRegistry
        ? { RAFTWAY_REPLICAS: numbered(replicaAddresses(app, 0, options)) }
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
    name: GATEWAY,
    service: GATEWAY,
    entry: entryOf(GATEWAY, options),
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

function planInstance(
  app: NamedApp,
  ordinal: number,
  registry: string,
  options: SuiteOptions,
): ProcessPlan {
  const port = portOf(app, ordinal, options);
  const name = `${app.name}-${ordinal + 1}`;
  const address = `${HOST}:${port}`;
  const httpAddress = `${HOST}:${port + HTTP_PORT_DISTANCE}`;
  return {
    name,
    service: app.name,
    entry: entryOf(app.name, options),
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

function replicaAddresses(app: NamedApp, distance: number, options: SuiteOptions): string[] {
  return times(
    options.replicas,
    (ordinal) => `${HOST}:${portOf(app, ordinal, options) + distance}`,
  );
}

function portOf({ port }: AppEntry, ordinal: number, options: SuiteOptions): number {
  return port + LOOPBACK_DISTANCE + ordinal + options.portOffset;
}

function appNamed(name: string, apps: ReadonlyMap<string, AppEntry>): NamedApp {
  const entry = apps.get(name);
  if (entry === undefined) throw new Error(`apps/apps.json has no ${name}`);
  return { ...entry, name };
}

function times<T>(count: number, make: (ordinal: number) => T): T[] {
  return Array.from({ length: count }, (_, ordinal) => make(ordinal));
}

function numbered(addresses: readonly string[]): string {
  return addresses.map((address, ordinal) => `${ordinal + 1}=${address}`).join(',');
}

function entryOf(service: string, options: SuiteOptions): string {
  return join(options.root, 'apps', service, 'dist', 'main.js');
}
