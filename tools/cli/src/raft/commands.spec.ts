import { startTestGroup, type TestGroup } from '@raftway/service-kit/testing';
import { runUntil, runWords } from '../../test/support/run-words';

let group: TestGroup;

beforeEach(async () => {
  group = await startTestGroup(3);
  await group.leaderId();
});

afterEach(() => group.stop());

function addressOf(id: number): string {
  return group.servers.get(id)?.server.address ?? '127.0.0.1:1';
}

/** Runs `raftway raft <words> --server <of these>`. */
function raftway(words: readonly string[], ids: readonly number[] = [1, 2, 3]) {
  return runWords(['raft', ...words, '--server', ids.map(addressOf).join(',')]);
}

describe('raftway raft', () => {
  it('status shows every replica, and what the leader says of the members', async () => {
    const id = await group.leaderId();

    const { out, code } = await raftway(['status'], [1, 2, 3, 9]);

    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`${id} +voter +leader`));
    expect(out).toContain('Members since index 1\n');
    expect(out).toMatch(/2 +memory:2 +voter/);
    expect(out).toContain('127.0.0.1:1 ');
  });

  it('status --json is an array with protobuf JSON', async () => {
    const { out } = await raftway(['status', '--json'], [2]);

    expect(JSON.parse(out)).toMatchObject([
      { server: addressOf(2), status: { id: '2', standing: 'STANDING_VOTER' } },
    ]);
  });

  it('remove and add change the members, whichever replica leads', async () => {
    const id = await group.leaderId();
    const other = (id % 3) + 1;

    const removed = await runUntil(0, () => raftway(['remove', String(other)]));
    expect(removed).toMatchObject({ code: 0, error: '' });
    expect(removed.out).toContain(`server ${other} is removed`);
    const added = await runUntil(0, () => raftway(['add', '9', 'memory:9', '--learner']));

    expect(added).toMatchObject({ code: 0, error: '' });
    expect(added.out).toContain('9 learner');
  });

  it('says what the group refuses, and that nothing happened (1)', async () => {
    const { code, error } = await raftway(['remove', '7']);

    expect(code).toBe(1);
    expect(error).toContain('server 7 is not a member');
  });

  it('says that to programs with its code and reason', async () => {
    const { code, error } = await raftway(['remove', '7', '--json']);

    expect(code).toBe(1);
    expect(JSON.parse(error)).toMatchObject({
      error: { code: 'FAILED_PRECONDITION', reason: 'INVALID_CHANGE' },
      exitCode: 1,
    });
  });

  it('says where the leader is when it is not among the named (69)', async () => {
    const id = await group.leaderId();

    const { code, error } = await raftway(['remove', '1'], [(id % 3) + 1]);

    expect(code).toBe(69);
    expect(error).toContain(`server ${id} leads, whose peer address is memory:${id}`);
  });

  it('says that nobody can be reached (69)', async () => {
    expect((await raftway(['status'], [9])).code).toBe(69);
    expect((await raftway(['transfer'], [9])).code).toBe(69);
  });

  it('says that a server has not caught up yet (75)', async () => {
    const { code, error } = await raftway(['add', '9', 'memory:9', '--timeout', '1']);

    expect(code).toBe(75);
    expect(error).toContain('becomes a voter once it has caught up');
  });

  it('transfer and snapshot do what they say', async () => {
    const id = await group.leaderId();
    const target = (id % 3) + 1;

    expect((await raftway(['transfer', String(target)])).out).toBe(`server ${target} leads\n`);
    expect((await raftway(['snapshot', '--json'])).out).toContain('"sizeBytes"');
  });
});
