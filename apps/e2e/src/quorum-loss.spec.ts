import { existsSync, rmSync } from 'node:fs';
import { answered, eventually } from './harness/eventually';
import { failureOf, ForeignClient, type Message } from './harness/foreign-client';
import { runProgram } from './harness/run-program';
import { Suite, type RunningProcess } from './harness/suite';

const CLI = 'tools/cli/dist/main.js';
const PORT_OFFSET = 1_300;
const CLI_TIMEOUT_MS = 90_000;

/** Two of three disks are gone for good: docs/operating/quorum-loss.md, step by step, with the programs that users have. */
describe('a lock-service whose majority is gone', () => {
  let suite: Suite;
  let survivor: RunningProcess;
  let lost: RunningProcess[];
  let taken: Message;

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: PORT_OFFSET });
    const [first, ...others] = suite.instances('lock-service');
    if (first === undefined) throw new Error('the suite has no lock-service');
    survivor = first;
    lost = others;
    taken = await locks(survivor, (client) =>
      client.call('Acquire', { name: 'payroll', ttl: { seconds: 600 } }),
    );
    // The answer came from its own state machine: what is taken has reached the replica that is left.
    for (const { name } of suite.instances('lock-service')) await suite.kill(name);
    for (const { dataDir } of lost) rmSync(dataDir as string, { recursive: true });
  });

  afterAll(async () => {
    await suite.dispose();
  });

  async function locks<Value>(
    replica: RunningProcess,
    work: (client: ForeignClient) => Promise<Value>,
  ): Promise<Value> {
    const client = new ForeignClient(replica.address, 'raftway.lock.v1.LockService');
    try {
      return await work(client);
    } finally {
      client.close();
    }
  }

  function holderOf(replica: RunningProcess): Promise<Message> {
    return locks(replica, (client) => client.call('GetLock', { name: 'payroll' }, 2_000));
  }

  async function status(replica: RunningProcess): Promise<Message> {
    const client = new ForeignClient(replica.address, 'raftway.raft.v1.RaftAdminService');
    try {
      return await client.call('GetStatus', {}, 2_000);
    } finally {
      client.close();
    }
  }

  function peerAddress(replica: RunningProcess): string {
    return replica.environment['RAFTWAY_PEER_BIND'] ?? '';
  }

  it('answers nobody while one replica alone is there, and says that it has no leader', async () => {
    suite.startAgain(survivor.name);
    await answered('it runs', 20_000, () => status(survivor));

    const failure = await failureOf(
      locks(survivor, (client) => client.call('OpenSession', { ttl: { seconds: 5 } }, 6_000)),
    );

    expect(failure).toMatchObject({ code: 'UNAVAILABLE', reason: 'NO_LEADER' });
    await suite.kill(survivor.name);
  });

  it('is not recovered unless the loss is accepted, and hears what may be lost', async () => {
    const { code, output } = await runProgram(
      CLI,
      ['raft', 'recover', survivor.dataDir as string],
      CLI_TIMEOUT_MS,
    );

    expect(code).toBe(1);
    expect(output).toContain('Lost is whatever a majority of the 3 voters has acknowledged');
    expect(output).toContain('Not compared: 2, 3');
    expect(output).toContain('Type the cluster\'s id, "lock-service"');
    expect(output).toContain('nothing was changed');
  });

  it('serves the old data as a group of one after the id was typed', async () => {
    const { code, output } = await runProgram(
      CLI,
      ['raft', 'recover', survivor.dataDir as string],
      CLI_TIMEOUT_MS,
      { input: 'lock-service\n' },
    );
    expect(output).toContain('Refused from now on: 2, 3');
    expect(code).toBe(0);

    suite.startAgain(survivor.name);
    const { value: lock } = await answered('it answers', 20_000, () => holderOf(survivor));

    expect(JSON.stringify(lock)).toContain(String(taken['fencing_token']));
    const { members } = (await status(survivor)) as { members: Message[] };
    expect(members.map(({ id }) => id)).toEqual(['1']);
    const next = await locks(survivor, (client) =>
      client.call('Acquire', { name: 'other', ttl: { seconds: 60 } }),
    );
    expect(BigInt(next['fencing_token'] as string)).toBeGreaterThan(
      BigInt(taken['fencing_token'] as string),
    );
  });

  it('is three again after two servers with empty disks and new ids were added', async () => {
    for (const [at, replica] of lost.entries()) {
      const id = String(4 + at);
      expect(existsSync(replica.dataDir as string)).toBe(false);
      const peers = `1=${peerAddress(survivor)},${id}=${peerAddress(replica)}`;
      suite.startAgain(replica.name, {
        RAFTWAY_NODE_ID: id,
        RAFTWAY_INITIAL_STATE: 'existing',
        RAFTWAY_PEERS: peers,
        RAFTWAY_INSTANCE_ID: `lock-service-${id}`,
      });
      const { code, output } = await runProgram(
        CLI,
        ['raft', 'add', id, peerAddress(replica), '--server', survivor.address],
        CLI_TIMEOUT_MS,
      );
      expect(output).toContain(`server ${id} is a member`);
      expect(code).toBe(0);
    }

    const { members } = (await status(survivor)) as { members: Message[] };
    expect(members.map(({ id, voter }) => `${String(id)} ${String(voter)}`)).toEqual([
      ...['1 true', '4 true', '5 true'],
    ]);
    for (const replica of lost) {
      await eventually(`${replica.name} has the lock`, 20_000, async () =>
        JSON.stringify(await holderOf(replica).catch(() => ({}))).includes(
          String(taken['fencing_token']),
        ),
      );
    }
  });
});
