import { createMetrics, silentLogger } from '@raftway/observability';
import { createMemoryCluster } from '@raftway/raft/testing';
import { createReplica } from '../replica/create-replica';
import { replicaOptionsSchema } from '../replica/replica-options';
import { NOTHING } from './nothing';
import { startTestServer, type TestServer } from './test-server';

/** Servers with a replica each, of one group in memory. */
export interface TestGroup {
  /** By the replicas' ids, which are 1, 2, 3 … */
  readonly servers: ReadonlyMap<number, TestServer>;
  /** The id of the replica that all others follow. Throws after 10 s without one. */
  leaderId(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts a group with nothing in it but its members: for specs of what operators do.
 *
 * @param size how many replicas.
 */
export async function startTestGroup(size: number): Promise<TestGroup> {
  const cluster = await createMemoryCluster(size, () => NOTHING);
  const servers = new Map<number, TestServer>();
  for (const [id, node] of cluster.nodes) {
    const metrics = createMetrics({ processMetrics: false });
    const options = replicaOptionsSchema.parse({});
    const settings = { service: 'test', grpcServices: [], options, metrics };
    const logger = silentLogger();
    const replica = createReplica({ ...settings, logger, stateMachine: NOTHING, node });
    servers.set(id, await startTestServer({ services: [], replica, metrics }));
  }
  return {
    servers,
    leaderId: async () => (await cluster.leader()).id,
    stop: async () => {
      await Promise.all([...servers.values()].map((server) => server.stop()));
      await cluster.stop();
    },
  };
}
