import { join } from 'node:path';
import { get } from 'node:http';
import { NODE_FLAGS } from '@raftway/service-kit';
import { freePorts } from '@raftway/service-kit/testing';
import { metricsPage, sumInPage, sumOfSamples } from '../measure/prometheus';
import type { Workbench } from '../workbench';
import { ServerProcess } from './server-process';

const HOST = '127.0.0.1';
const REPLICAS = 3;
const PORTS_PER_PROCESS = 3;

/** A replicated service of ours. */
export interface RaftwayGroup {
  readonly pids: readonly number[];
  /** Client address of the leader. */
  readonly leader: string;
  /** Batches made durable by all replicas together. */
  readonly syncs: () => Promise<number>;
  /** Calls of a method that ended well. @param method `package.Service/Method` */
  answered(method: string): Promise<number>;
}

/** Starts replicas of a Raft service from its built app. @param registry `host:port`; undefined for the registry itself. */
export async function startRaftwayGroup(
  bench: Workbench,
  service: 'registry' | 'lock-service' | 'id-service',
  registry: string | undefined,
  replicas = REPLICAS,
): Promise<RaftwayGroup> {
  const ports = await freePorts(replicas * PORTS_PER_PROCESS);
  const addresses = (kind: number) =>
    Array.from({ length: replicas }, (_, at) => `${HOST}:${ports[at * PORTS_PER_PROCESS + kind]}`);
  const [clients, peers, https] = [addresses(0), addresses(1), addresses(2)];
  const numbered = (list: readonly string[]) => list.map((it, at) => `${at + 1}=${it}`).join(',');
  const servers = clients.map((address, at) =>
    startApp(bench, service, `${service}-${at + 1}`, {
      RAFTWAY_BIND: address,
      RAFTWAY_PEER_BIND: peers[at] ?? '',
      RAFTWAY_HTTP_BIND: https[at] ?? '',
      RAFTWAY_NODE_ID: String(at + 1),
      RAFTWAY_PEERS: numbered(peers),
      RAFTWAY_DATA_DIR: join(bench.directory, `${service}-${at + 1}`),
      ...(registry === undefined
        ? { RAFTWAY_REPLICAS: numbered(clients) }
        : { RAFTWAY_REGISTRY: registry, RAFTWAY_INSTANCE_ID: `${service}-${at + 1}` }),
    }),
  );
  let leader = -1;
  await servers[0]?.ready(async () => {
    const pages = await Promise.all(https.map(metricsPage));
    const counts = pages.map((page) => sumInPage(page, 'raftway_raft_is_leader', []));
    leader = counts.indexOf(1);
    const known = pages.every((page) => sumInPage(page, 'raftway_raft_has_leader', []) === 1);
    return known && leader >= 0;
  });
  return {
    pids: servers.map(({ pid }) => pid),
    leader: clients[leader] ?? '',
    syncs: () => sumOfSamples(https, 'raftway_raft_persist_duration_seconds_count'),
    answered: (method) =>
      sumOfSamples(
        https,
        'rpc_server_call_duration_seconds_count',
        `rpc_method="${method}"`,
        'rpc_response_status_code="OK"',
      ),
  };
}

/** Starts a gateway of ours. @param options that are other than by default */
export async function startGateway(
  bench: Workbench,
  registry: string,
  name = 'gateway',
  options: Readonly<Record<string, string>> = {},
): Promise<{ readonly pid: number; readonly address: string }> {
  const [bind, adminBind, httpBind] = (await freePorts(PORTS_PER_PROCESS)).map(
    (port) => `${HOST}:${port}`,
  ) as [string, string, string];
  const server = startApp(bench, 'gateway', name, {
    RAFTWAY_BIND: bind,
    RAFTWAY_ADMIN_BIND: adminBind,
    RAFTWAY_HTTP_BIND: httpBind,
    RAFTWAY_REGISTRY: registry,
    ...options,
  });
  await server.ready(() => isReady(httpBind));
  return { pid: server.pid, address: bind };
}

function startApp(
  bench: Workbench,
  service: string,
  name: string,
  environment: Readonly<Record<string, string>>,
): ServerProcess {
  const entry = join(bench.root, 'apps', service, 'dist', 'main.js');
  const flags =
    bench.profileDirectory === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${join(bench.profileDirectory, name)}`];
  const server = new ServerProcess(name, process.execPath, [...NODE_FLAGS, ...flags, entry], {
    ...environment,
    RAFTWAY_DRAIN_DELAY: '0ms',
    RAFTWAY_DRAIN_TIMEOUT: '1s',
    RAFTWAY_LOG_LEVEL: 'warn',
    RAFTWAY_STOP_WITH_PARENT: 'true',
  });
  bench.onStop(() => server.stop());
  return server;
}

function isReady(httpAddress: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(`http://${httpAddress}/readyz`, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).once('error', () => resolve(false));
  });
}
