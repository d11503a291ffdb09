import { join } from 'node:path';
import { freePorts } from '@raftway/service-kit/testing';
import { metricsPage, sumInPage, sumOfSamples } from '../measure/prometheus';
import type { Workbench } from '../workbench';
import { ServerProcess } from './server-process';

const HOST = '127.0.0.1';
const MEMBERS = 3;

/** An etcd cluster with its defaults: every write is synced to the WAL before it is acknowledged. */
export interface EtcdCluster {
  readonly pids: readonly number[];
  /** Client address of the leader. */
  readonly leader: string;
  /** Syncs of the WAL on all members together. */
  readonly syncs: () => Promise<number>;
  /** Calls of a method that ended with OK. @param method such as "Put" */
  answered(method: string): Promise<number>;
}

/** Starts an etcd cluster. */
export async function startEtcd(bench: Workbench): Promise<EtcdCluster> {
  const ports = await freePorts(2 * MEMBERS);
  const clients = ports.slice(0, MEMBERS).map((port) => `${HOST}:${port}`);
  const peers = ports.slice(MEMBERS).map((port) => `http://${HOST}:${port}`);
  const servers = clients.map((address, at) => {
    const peer = peers[at] ?? '';
    const server = new ServerProcess(`etcd-${at}`, 'etcd', [
      ...['--name', `member-${at}`, '--data-dir', join(bench.directory, `etcd-${at}`)],
      ...['--listen-client-urls', `http://${address}`],
      ...['--advertise-client-urls', `http://${address}`],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', peers.map((url, other) => `member-${other}=${url}`).join(',')],
      ...['--initial-cluster-state', 'new', '--logger', 'zap', '--log-level', 'error'],
    ]);
    bench.onStop(() => server.stop());
    return server;
  });
  let leader = -1;
  await servers[0]?.ready(async () => {
    const pages = await Promise.all(clients.map(metricsPage));
    leader = pages.findIndex((page) => sumInPage(page, 'etcd_server_is_leader', []) === 1);
    return leader >= 0;
  });
  return {
    pids: servers.map(({ pid }) => pid),
    leader: clients[leader] ?? '',
    syncs: () => sumOfSamples(clients, 'etcd_disk_wal_fsync_duration_seconds_count'),
    answered: (method) =>
      sumOfSamples(
        clients,
        'grpc_server_handled_total',
        `grpc_method="${method}"`,
        'grpc_code="OK"',
      ),
  };
}
