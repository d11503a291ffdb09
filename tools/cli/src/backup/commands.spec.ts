import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectDirectory } from '@raftway/raft';
import { startTestGroup, startTestServer, type TestGroup } from '@raftway/service-kit/testing';
import { expectGolden } from '../../test/support/golden';
import { type Run, runUntil, runWords } from '../../test/support/run-words';

const PEERS = '1=127.0.0.1:1,2=127.0.0.1:2,3=127.0.0.1:3';

let group: TestGroup;
let root: string;
let file: string;

beforeEach(async () => {
  group = await startTestGroup(3);
  await group.leaderId();
  root = mkdtempSync(join(tmpdir(), 'raftway-backup-'));
  file = join(root, 'test.backup');
});

afterEach(async () => {
  await group.stop();
  rmSync(root, { recursive: true });
});

function addressOf(id: number): string {
  return group.servers.get(id)?.server.address ?? '127.0.0.1:1';
}

function save(...more: string[]): Promise<Run> {
  const words = ['backup', '--server', addressOf(1), '--out', file, ...more];
  return runUntil(0, () => runWords(words));
}

function directories(): string[] {
  return [1, 2, 3].map((id) => join(root, `restored-${id}`));
}

function restore(...more: string[]): Promise<Run> {
  const words = ['restore', '--from', file, '--peers', PEERS];
  return runWords([...words, '--data-dir', directories().join(','), ...more]);
}

/** What a screen says, without what differs between runs. */
function normalized(text: string): string {
  return text
    .replaceAll(root, '<root>')
    .replaceAll(/127\.0\.0\.1:\d{4,5}/g, '<address>')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\d{8}T\d{6}Z/g, '<time>')
    .replaceAll(/[0-9a-f]{64}/g, '<sha256>')
    .replaceAll(/\d+ bytes/g, '<n> bytes')
    .replaceAll(/bytes, \d+ of/g, 'bytes, <n> of')
    .replaceAll(/release \d[^\n]*/g, 'release <version>')
    .replaceAll(/log clock \d+ ms/g, 'log clock <ms>')
    .replaceAll(/index \d+/g, 'index <n>')
    .replaceAll(/term \d+/g, 'term <n>');
}

describe('raftway backup', () => {
  it('saves a group, and says what it saved; inspect checks it and says it again', async () => {
    const saved = await save();
    const inspected = await runWords(['backup', 'inspect', file]);

    expect(saved).toMatchObject({ code: 0, error: '' });
    expect(inspected).toMatchObject({ code: 0, error: '' });
    expectGolden('backup-saved', normalized(saved.out));
    expectGolden('backup-inspected', normalized(inspected.out));
    expect(readdirSync(root)).toEqual(['test.backup']);
  });

  it('is for programs, too', async () => {
    const saved = await save('--json');
    const inspected = await runWords(['backup', 'inspect', file, '--json']);

    const report = JSON.parse(inspected.out) as Record<string, unknown>;
    expect(JSON.parse(saved.out)).toEqual({ ...report, file });
    expect(report).toMatchObject({ format: 1, service: 'test', clusterId: 'memory' });
  });

  it('of all groups goes into a directory, a file each', async () => {
    const target = join(root, 'all');
    const addresses = [1, 2, 3].map(addressOf).join(',');

    const words = ['backup', '--group', `test=${addresses}`, '--out-dir', target];
    const { code, out } = await runUntil(0, () => runWords(words));

    expect(code).toBe(0);
    expect(out).toContain('test: index');
    expect(readdirSync(target)).toEqual([expect.stringMatching(/^test-\d{8}T\d{6}Z\.backup$/)]);
  });

  it('asks the next replica when one cannot be reached', async () => {
    const servers = `127.0.0.1:1,${addressOf(2)}`;
    const words = ['backup', '--server', servers, '--out', file];

    const { code, out } = await runUntil(0, () => runWords(words));

    expect(code).toBe(0);
    expect(out).toContain(`from ${addressOf(2)}`);
  });

  it('says that nobody can be reached (69), and leaves nothing', async () => {
    const { code } = await runWords(['backup', '-s', '127.0.0.1:1', '-o', file]);

    expect(code).toBe(69);
    expect(readdirSync(root)).toEqual([]);
  });

  it('says in time that the group has no majority (75), and leaves nothing', async () => {
    for (const id of [2, 3]) await group.servers.get(id)?.stop();

    const { code, error } = await runUntil(75, () =>
      runWords(['backup', '-s', addressOf(1), '-o', file]),
    );

    expect(error).toContain('DEADLINE_EXCEEDED');
    expect(code).toBe(75);
    expect(readdirSync(root)).toEqual([]);
  }, 40_000);

  it('says of a server that has no Raft group what that may mean (1)', async () => {
    const lone = await startTestServer({ services: [] });

    const { code, error } = await runWords(['backup', '-s', lone.server.address, '-o', file]);
    await lone.stop();

    expect(code).toBe(1);
    expect(error).toContain('gives no backups: it is no replica of a Raft group');
  });

  it('never writes over a file (1), nor saves another service (1), nor guesses what is meant (64)', async () => {
    writeFileSync(file, 'kept');
    const over = await runWords(['backup', '-s', addressOf(1), '-o', file]);
    expect(over).toMatchObject({
      code: 1,
      error: `raftway: ${file} is there already: name another file\n`,
    });
    expect(readFileSync(file, 'utf8')).toBe('kept');

    const elsewhere = join(root, 'other.backup');
    const words = ['backup', '-s', addressOf(1), '-o', elsewhere, '--service', 'lock-service'];
    const other = await runUntil(1, () => runWords(words));
    expect(other.error).toContain('is a replica of test, not of lock-service');
    expect(existsSync(elsewhere)).toBe(false);

    const unclear = await runWords(['backup', '-s', addressOf(1)]);
    expect(unclear.code).toBe(64);
    expect(unclear.error).toContain('--server and --out');
  });

  it('is whole also when two are saved as one file at the same time', async () => {
    let runs: Run[] = [];

    const first = await runUntil(0, async () => {
      const words = (id: number) => ['backup', '-s', addressOf(id), '-o', file];
      runs = await Promise.all([1, 2].map((id) => runWords(words(id))));
      return runs.find(({ code }) => code === 0) ?? (runs[0] as Run);
    });

    expect(first.code).toBe(0);
    for (const { error } of runs.filter(({ code }) => code !== 0))
      expect(error).toContain('is there already: name another file');
    expect(await runWords(['backup', 'inspect', file])).toMatchObject({ code: 0 });
    expect(readdirSync(root)).toEqual(['test.backup']);
  });

  it('says which file cannot be written (1)', async () => {
    const nowhere = join(root, 'missing', 'a.backup');
    const words = ['backup', '-s', addressOf(1), '-o', nowhere];

    const { error } = await runUntil(1, () => runWords(words));

    expect(error).toContain(`writing ${nowhere} failed: ENOENT`);
  });

  it('inspect refuses a file that is cut, flipped or none (1), with what to do', async () => {
    await save();
    const whole = readFileSync(file);
    const flipped = Buffer.from(whole);
    flipped[flipped.length - 60] = (flipped[flipped.length - 60] as number) ^ 4;

    for (const [bytes, why] of [
      [whole.subarray(0, -1), 'cut off after'],
      [flipped, 'wrong'],
      [Buffer.from('not a backup, but long enough'), 'this is no backup'],
    ] as const) {
      writeFileSync(file, bytes);
      const { code, error } = await runWords(['backup', 'inspect', file]);
      expect(code).toBe(1);
      expect(error).toContain(why);
      expect(error).toContain('Use another backup, or another copy of this one');
    }
    const missing = await runWords(['backup', 'inspect', join(root, 'missing')]);
    expect(missing).toMatchObject({ code: 1, error: expect.stringContaining('ENOENT') as string });
  });
});

describe('raftway restore', () => {
  beforeEach(async () => {
    await save();
  });

  it('makes a data directory for each peer, under a new cluster id, far above the old log', async () => {
    const { code, out, error } = await restore();

    expect({ code, error }).toEqual({ code: 0, error: '' });
    expectGolden('restored', normalized(out));
    for (const [at, directory] of directories().entries()) {
      const report = await inspectDirectory(directory);
      expect(report.nodeId).toBe(at + 1);
      expect(report.clusterId).toMatch(/^test-\d{8}T\d{6}Z$/);
      expect(report.members.map(({ address }) => address)).toEqual([
        ...['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'],
      ]);
      expect(report.lastIndex).toBeGreaterThan(1e12);
    }
  });

  it('takes the cluster id and the gaps that are given, and is for programs, too', async () => {
    const { out } = await restore('--cluster-id', 'mine', '--index-gap', '1000', '--json');

    const report = JSON.parse(out) as { index: number };
    expect(report).toMatchObject({ clusterId: 'mine', directories: directories() });
    expect(report.index).toBeLessThan(2000);
  });

  it('refuses a command line that does not fit (64), before anything is made', async () => {
    const words = ['restore', '--from', file, '--peers', PEERS, '--data-dir'];
    const fewer = await runWords([...words, join(root, 'one')]);
    const twice = await runWords([...words, `${root}/a,${root}/b,${root}/a`]);
    const bad = await runWords([...words.slice(0, 3), '--peers', '1=nowhere', '--data-dir', root]);

    expect(fewer.error).toContain('3 peers need as many directories, --data-dir names 1');
    expect(twice.error).toContain('names a directory twice');
    expect([fewer.code, twice.code, bad.code]).toEqual([64, 64, 64]);
    expect(readdirSync(root)).toEqual(['test.backup']);
  });

  it('says what the operating system refuses (1)', async () => {
    writeFileSync(join(root, 'a-file'), '');
    const words = ['restore', '--from', file, '--peers', '1=127.0.0.1:1'];

    const { code, error } = await runWords([...words, '--data-dir', join(root, 'a-file', 'data')]);

    expect(code).toBe(1);
    expect(error).toContain('ENOTDIR');
  });

  it('refuses a directory that has something in it, a damaged backup and the old cluster id (1)', async () => {
    const again = await restore('--cluster-id', 'memory');
    expect(again).toMatchObject({ code: 1 });
    expect(again.error).toContain('Choose a new one');

    writeFileSync(file, readFileSync(file).subarray(0, -1));
    const cut = await restore();
    expect(cut.error).toContain('cut off');
    expect(readdirSync(root)).toEqual(['test.backup']);
  });
});
