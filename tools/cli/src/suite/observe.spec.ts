import { createServer, type Server, type Socket } from 'node:net';
import { startTestGroup, type TestGroup } from '@raftway/service-kit/testing';
import { runUntil, runWords } from '../../test/support/run-words';

let group: TestGroup;
let frozen: Server;
const held: Socket[] = [];
let frozenAddress: string;

beforeAll(async () => {
  group = await startTestGroup(3);
  await group.leaderId();
  // Takes connections and says nothing, like a process that was stopped.
  frozen = createServer((socket) => held.push(socket));
  await new Promise<void>((resolve) => frozen.listen(0, '127.0.0.1', () => resolve()));
  const bound = frozen.address();
  frozenAddress = typeof bound === 'object' ? `127.0.0.1:${bound?.port}` : '';
});

afterAll(async () => {
  for (const socket of held) socket.destroy();
  frozen.close();
  await group.stop();
});

function addresses(): string[] {
  return [...group.servers.values()].map(({ server }) => server.address);
}

describe('raftway status of a group of real replicas', () => {
  it('shows them, with their clocks and what they run', async () => {
    const words = ['status', '--group', `test=${addresses().join(',')}`, '--json'];

    const { out, code } = await runUntil(0, () => runWords(words));

    expect(code).toBe(0);
    const { groups, problems } = JSON.parse(out) as {
      readonly problems: readonly unknown[];
      readonly groups: readonly [{ readonly replicas: readonly { readonly facts: object }[] }];
    };
    expect(problems).toEqual([]);
    expect(groups[0]).toMatchObject({ health: 'healthy', voters: 3, votersAnswering: 3 });
    expect(groups[0].replicas[0]?.facts).toMatchObject({
      standing: 'voter',
      isDiskFull: false,
      runtime: `node ${process.version}`,
    });
  });

  it('says who refuses connections and who does not answer, and ends (1)', async () => {
    const list = [...addresses().slice(0, 1), '127.0.0.1:1', frozenAddress].join(',');

    const { out, code } = await runWords(['status', '--group', `test=${list}`]);

    expect(code).toBe(1);
    expect(out).toContain('it cannot be reached at 127.0.0.1:1 (connection refused)');
    expect(out).toContain(`it cannot be reached at ${frozenAddress} (`);
  });

  it('says that nobody can be reached (69)', async () => {
    const words = ['status', '--group', 'test=127.0.0.1:1', '--gateway', '127.0.0.1:1'];

    const { out, code } = await runWords(words);

    expect(code).toBe(69);
    expect(out).toContain('test: none of its 1 replicas can be reached.');
  });

  it('is examined by the doctor, too, with exit codes for the worst finding', async () => {
    const all = addresses();
    const sound = await runUntil(0, () => runWords(['doctor', '--group', `test=${all.join(',')}`]));
    const more = `test=${[...all, '127.0.0.1:1'].join(',')}`;
    const one = await runUntil(2, () => runWords(['doctor', '--group', more]));
    const none = await runWords(['doctor', '--group', 'test=127.0.0.1:1', '--json']);

    expect(sound).toMatchObject({ code: 0 });
    expect(one).toMatchObject({ code: 2 });
    expect(none).toMatchObject({ code: 1 });
    expect(JSON.parse(none.out)).toMatchObject({ checks: [{ topic: 'suite' }, {}, {}] });
  });
});
