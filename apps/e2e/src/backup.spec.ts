import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { answered } from './harness/eventually';
import { failureOf, ForeignClient, type Message } from './harness/foreign-client';
import { runProgram } from './harness/run-program';
import { Suite, type RunningProcess } from './harness/suite';

const CLI = 'tools/cli/dist/main.js';
const PORT_OFFSET = 5_300;
const TIMEOUT_MS = 120_000;
/** Longer than a replica waits for a leader, so that it is the replica that answers. */
const CALL_TIMEOUT_MS = 12_000;
const GROUPS = ['registry', 'lock-service', 'id-service'] as const;
const READY_TIMEOUT_MS = 60_000;

/** docs/guides/backup-and-restore.md, step by step, with the programs that users have. */
describe('a suite that is restored from backups', () => {
  let suite: Suite;
  let sessionId: string;
  let heldToken: number;
  let lateToken: number;
  const idsBefore = new Set<string>();
  const sequencesBefore = new Set<string>();

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: PORT_OFFSET });
  });

  afterAll(async () => {
    await suite.dispose();
  });

  function replica(service: string, at = 0): RunningProcess {
    return suite.instances(service)[at] as RunningProcess;
  }

  async function ask(
    service: string,
    grpcService: string,
    method: string,
    request: Message,
    at = 0,
  ): Promise<Message> {
    const client = new ForeignClient(replica(service, at).address, grpcService);
    try {
      return await client.call(method, request, CALL_TIMEOUT_MS);
    } finally {
      client.close();
    }
  }

  const locks = (method: string, request: Message, at = 0): Promise<Message> =>
    ask('lock-service', 'raftway.lock.v1.LockService', method, request, at);
  const ids = (method: string, request: Message, at = 0): Promise<Message> =>
    ask('id-service', 'raftway.id.v1.IdService', method, request, at);
  const registry = (method: string, request: Message): Promise<Message> =>
    ask('registry', 'raftway.registry.v1.RegistryService', method, request);

  async function takeNumbers(): Promise<void> {
    for (let at = 0; at < 3; at += 1) {
      const generated = await ids('GenerateIds', { count: 100 }, at);
      for (const { text } of generated['ids'] as Message[]) idsBefore.add(String(text));
    }
    for (const name of ['orders', 'later']) {
      sequencesBefore.add(`${name} ${String((await ids('NextSequence', { name }))['first'])}`);
    }
  }

  it('is backed up while it works: locks, ids, sequences and registrations', async () => {
    sessionId = String((await locks('OpenSession', { ttl: { seconds: 600 } }))['session_id']);
    heldToken = Number(
      (await locks('Acquire', { name: 'payroll', session_id: sessionId }))['fencing_token'],
    );
    for (let at = 0; at < 5; at += 1) {
      sequencesBefore.add(
        `orders ${String((await ids('NextSequence', { name: 'orders' }))['first'])}`,
      );
    }
    let isOver = false;
    const load = (async () => {
      for (let at = 0; !isOver; at += 1) {
        await locks('Acquire', { name: `load-${at}`, ttl: { seconds: 5 } }, at % 3);
      }
    })();

    const words = ['backup', '--out-dir', join(suite.dataDir, 'backups')];
    const ran = await runProgram(CLI, [...words, '--data-dir', suite.dataDir], TIMEOUT_MS);
    isOver = true;
    await load;

    expect(ran).toMatchObject({ code: 0 });
    for (const group of GROUPS) expect(ran.out).toContain(`${group}: index`);
  }, 180_000);

  it('goes on after the backup: a lock changes hands, numbers are taken', async () => {
    await locks('Release', { name: 'payroll', session_id: sessionId });
    lateToken = Number(
      (await locks('Acquire', { name: 'payroll', ttl: { seconds: 600 } }))['fencing_token'],
    );
    await takeNumbers();

    expect(lateToken).toBeGreaterThan(heldToken);
  });

  it('is restored into empty directories with one command a group', async () => {
    for (const { name } of GROUPS.flatMap((group) => suite.instances(group))) {
      await suite.kill(name);
    }
    const backups = join(suite.dataDir, 'backups');
    for (const group of GROUPS) {
      const replicas = suite.instances(group);
      for (const { dataDir } of replicas) renameSync(dataDir as string, `${dataDir}.old`);
      const peers = replicas[0]?.environment['RAFTWAY_PEERS'] ?? '';
      const file = readdirSync(backups).find((name) => name.startsWith(group)) ?? '';
      const { code, output } = await runProgram(
        CLI,
        [
          ...['restore', '--from', join(backups, file), '--peers', peers],
          ...['--data-dir', replicas.map(({ dataDir }) => dataDir).join(',')],
        ],
        TIMEOUT_MS,
      );
      expect(code).toBe(0);
      expect(output).toContain(`${group} is restored as cluster "${group}-2`);
    }
    for (const group of GROUPS) {
      for (const { name } of suite.instances(group)) suite.startAgain(name);
    }
    await answered('locks', READY_TIMEOUT_MS, () => locks('GetLock', { name: 'payroll' }));
    await answered('ids', READY_TIMEOUT_MS, () => ids('GenerateIds', { count: 1 }));
    await answered('registry', READY_TIMEOUT_MS, () => registry('ListServices', {}));
  }, 180_000);

  it('has what was acknowledged before the backup, with all locks free', async () => {
    const { lock } = await locks('GetLock', { name: 'payroll' });
    const { instances } = await registry('Lookup', { service: 'greeter' });

    expect(lock).toMatchObject({ current_token: String(heldToken), holders: [] });
    expect((instances as Message[]).length).toBe(2);
    const failure = await failureOf(locks('Release', { name: 'payroll', session_id: sessionId }));
    expect(failure).toMatchObject({ reason: 'SESSION_NOT_FOUND' });
  });

  it('hands nothing out twice: tokens, ids and sequences go on above', async () => {
    const grant = await locks('Acquire', { name: 'payroll', ttl: { seconds: 60 } });
    expect(Number(grant['fencing_token'])).toBeGreaterThan(lateToken);

    for (let at = 0; at < 3; at += 1) {
      const generated = await answered(`ids of ${at}`, READY_TIMEOUT_MS, () =>
        ids('GenerateIds', { count: 100 }, at),
      );
      for (const { text } of generated.value['ids'] as Message[]) {
        expect(idsBefore.has(String(text))).toBe(false);
      }
    }
    for (const name of ['orders', 'later']) {
      const { first } = await ids('NextSequence', { name });
      expect(sequencesBefore.has(`${name} ${String(first)}`)).toBe(false);
      expect(Number(first)).toBeGreaterThan(1_000_000_000);
    }
  }, 120_000);

  it('refuses a replica of the old group, which is left alone with what it has', async () => {
    const stray = replica('lock-service', 2);
    await suite.kill(stray.name);
    rmSync(stray.dataDir as string, { recursive: true });
    renameSync(`${stray.dataDir}.old`, stray.dataDir as string);
    suite.startAgain(stray.name);
    const status = await answered('it runs', READY_TIMEOUT_MS, () =>
      ask('lock-service', 'raftway.raft.v1.RaftAdminService', 'GetStatus', {}, 2),
    );

    const failure = await failureOf(locks('Acquire', { name: 'stray', ttl: { seconds: 5 } }, 2));

    expect(status.value['cluster_id']).toBe('lock-service');
    expect(failure).toMatchObject({ reason: 'NO_LEADER' });
    await locks('Acquire', { name: 'still', ttl: { seconds: 5 } });
  }, 120_000);
});
