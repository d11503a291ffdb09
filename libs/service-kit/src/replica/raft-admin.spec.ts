import { raft } from '@raftway/contracts';
import { createMetrics, silentLogger } from '@raftway/observability';
import type { StateMachine } from '@raftway/raft';
import { createMemoryCluster, type MemoryCluster } from '@raftway/raft/testing';
import { startTestServer } from '../testing';
import { createReplica } from './create-replica';
import { replicaOptionsSchema } from './replica-options';

/** Nothing is replicated here but the members. */
const nothing: StateMachine<number> = {
  apply: () => 0,
  expire: () => undefined,
  nextDeadlineMs: () => undefined,
  snapshot: () => new Uint8Array(1),
  restore: () => undefined,
  encodeResult: () => new Uint8Array(0),
  decodeResult: () => 0,
};

let cluster: MemoryCluster<number>;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  cluster = await createMemoryCluster(3, () => nothing);
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await cluster.stop();
});

/** A client of the RaftAdminService of one replica. */
async function adminOf(id: number) {
  const metrics = createMetrics({ processMetrics: false });
  const replica = createReplica({
    service: 'test',
    grpcServices: [],
    options: replicaOptionsSchema.parse({}),
    stateMachine: nothing,
    logger: silentLogger(),
    metrics,
    node: cluster.node(id),
  });
  const test = await startTestServer({ services: [], replica, metrics });
  cleanups.push(() => test.stop());
  return test.client(raft.RaftAdminServiceService);
}

describe('RaftAdminService', () => {
  it('shows members, their part, and how far behind they are', async () => {
    const leader = await cluster.leader();
    const admin = await adminOf(leader.id);

    const status = await admin.getStatus({});

    expect(status).toMatchObject({ standing: raft.Standing.VOTER, joint: false });
    expect(status.configurationIndex).toBe(1n);
    expect(status.members).toHaveLength(3);
    expect(status.members[0]).toMatchObject({
      id: 1n,
      voter: true,
      transition: raft.Transition.UNSPECIFIED,
    });
  });

  it('removes a server, and adds one as a learner', async () => {
    const leader = await cluster.leader();
    const admin = await adminOf(leader.id);
    const other = (leader.id % 3) + 1;

    const removed = await admin.removeServer({ id: BigInt(other) });
    expect(removed.members.map(({ id }) => Number(id))).not.toContain(other);
    const added = await admin.addServer({ id: 9n, address: 'memory:9', learner: true });

    expect(added.members).toContainEqual(
      expect.objectContaining({ id: 9n, address: 'memory:9', voter: false }),
    );
    expect((await admin.getStatus({})).configurationIndex).toBe(added.configurationIndex);
  });

  it('says who leads when it is asked of somebody else', async () => {
    const leader = await cluster.leader();
    const admin = await adminOf((leader.id % 3) + 1);

    await expect(admin.removeServer({ id: 3n })).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      reason: 'NOT_LEADER',
      metadata: { leader_id: String(leader.id), leader_peer_address: `memory:${leader.id}` },
    });
  });

  it('says within the caller’s time that a server has not caught up', async () => {
    const admin = await adminOf((await cluster.leader()).id);

    const added = admin.addServer(
      { id: 9n, address: 'memory:9', learner: false },
      { timeoutMs: 500 },
    );

    await expect(added).rejects.toMatchObject({ reason: 'NOT_CAUGHT_UP' });
  });

  it('names every wrong field', async () => {
    const admin = await adminOf((await cluster.leader()).id);

    await expect(admin.addServer({ id: 0n, address: 'nowhere' })).rejects.toMatchObject({
      codeName: 'INVALID_ARGUMENT',
      fieldViolations: [{ field: 'id' }, { field: 'address' }],
    });
    await expect(admin.removeServer({ id: 0n })).rejects.toMatchObject({
      fieldViolations: [{ field: 'id' }],
    });
    await expect(admin.removeServer({ id: 8n })).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      reason: 'INVALID_CHANGE',
    });
  });
});
