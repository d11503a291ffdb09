import { raft } from '@raftway/contracts';
import { BackupDecoder } from '@raftway/raft';
import { startTestGroup, type TestGroup } from '../testing';

let group: TestGroup;

beforeEach(async () => {
  group = await startTestGroup(3);
});

afterEach(() => group.stop());

/** A client of the RaftAdminService of one replica. */
function adminOf(id: number) {
  const server = group.servers.get(id);
  if (server === undefined) throw new Error(`there is no server ${id}`);
  return server.client(raft.RaftAdminServiceService);
}

describe('RaftAdminService', () => {
  it('shows members, their part, and how far behind they are', async () => {
    const leaderId = await group.leaderId();
    const admin = adminOf(leaderId);

    const status = await admin.getStatus({});

    expect(status).toMatchObject({ standing: raft.Standing.VOTER, joint: false, priority: 50 });
    expect(status.configurationIndex).toBe(1n);
    expect(status.members).toHaveLength(3);
    expect(status.members[0]).toMatchObject({
      id: 1n,
      voter: true,
      transition: raft.Transition.UNSPECIFIED,
    });
  });

  it('shows its clock, its release and its runtime', async () => {
    const beforeMs = Date.now();

    const { wallClock, version, runtime, diskFull } = await adminOf(1).getStatus({});

    expect(Number(wallClock?.seconds) * 1000).toBeGreaterThan(beforeMs - 2000);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    expect(runtime).toBe(`node ${process.version}`);
    expect(diskFull).toBe(false);
  });

  it('streams a backup that says whose state it is, from any replica', async () => {
    for (const id of [1, 2, 3]) {
      const decoder = new BackupDecoder();
      for await (const { data } of adminOf(id).streamBackup({})) decoder.push(data);

      const { service, version, takenAtMs, snapshot } = decoder.finish();
      expect({ service, clusterId: snapshot.configuration.clusterId }).toEqual({
        service: 'test',
        clusterId: 'memory',
      });
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
      expect(Math.abs(Date.now() - takenAtMs)).toBeLessThan(60_000);
    }
  });

  it('removes a server, and adds one as a learner', async () => {
    const leaderId = await group.leaderId();
    const admin = adminOf(leaderId);
    const other = (leaderId % 3) + 1;

    const removed = await admin.removeServer({ id: BigInt(other) });
    expect(removed.members.map(({ id }) => Number(id))).not.toContain(other);
    const added = await admin.addServer({ id: 9n, address: 'memory:9', learner: true });

    expect(added.members).toContainEqual(
      expect.objectContaining({ id: 9n, address: 'memory:9', voter: false }),
    );
    expect((await admin.getStatus({})).configurationIndex).toBe(added.configurationIndex);
  });

  it('says who leads when it is asked of somebody else', async () => {
    const leaderId = await group.leaderId();
    const admin = adminOf((leaderId % 3) + 1);

    await expect(admin.removeServer({ id: 3n })).rejects.toMatchObject({
      codeName: 'FAILED_PRECONDITION',
      reason: 'NOT_LEADER',
      metadata: { leader_id: String(leaderId), leader_peer_address: `memory:${leaderId}` },
    });
  });

  it('says within the caller’s time that a server has not caught up', async () => {
    const admin = adminOf(await group.leaderId());

    const added = admin.addServer(
      { id: 9n, address: 'memory:9', learner: false },
      { timeoutMs: 500 },
    );

    await expect(added).rejects.toMatchObject({ reason: 'NOT_CAUGHT_UP' });
  });

  it('names every wrong field', async () => {
    const admin = adminOf(await group.leaderId());

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
