import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireDirectoryLock } from '@raftway/raft';
import { prepareDataDir, UpError } from './preflight';

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'raftway-up-'));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** The state of a replica, with the lock of this process, as a replica takes it; or with some of that changed. */
function replicaOf(changed: { readonly pid?: number; readonly started?: string } = {}): string {
  const directory = join(dataDir, 'lock-service-2');
  mkdirSync(directory);
  acquireDirectoryLock(directory);
  const lock = join(directory, 'LOCK');
  const holder = JSON.parse(readFileSync(lock, 'utf8')) as object;
  writeFileSync(lock, JSON.stringify({ ...holder, ...changed }));
  return directory;
}

describe('a data directory', () => {
  it.each([true, false])('that a living process uses is refused (--fresh: %s)', (fresh) => {
    const replica = replicaOf();

    const prepare = (): void => prepareDataDir(dataDir, 3, fresh);

    expect(prepare).toThrow(UpError);
    expect(prepare).toThrow(
      `${dataDir} is in use by a running suite (process ${process.pid} holds lock-service-2): stop that one, or choose another directory with --data-dir.`,
    );
    expect(existsSync(join(replica, 'LOCK'))).toBe(true);
    expect(existsSync(join(dataDir, 'suite.json'))).toBe(false);
  });

  it('that was left by a killed process is taken, or forgotten with --fresh', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const replica = replicaOf({ pid: child.pid ?? 0 });
    child.kill('SIGKILL');
    await once(child, 'exit');

    prepareDataDir(dataDir, 3, false);
    expect(existsSync(replica)).toBe(true);
    prepareDataDir(dataDir, 3, true);
    expect(existsSync(replica)).toBe(false);
  });

  it('is not held by another process that got the same id later', () => {
    const replica = replicaOf({ started: '1' });

    prepareDataDir(dataDir, 3, true);

    expect(existsSync(replica)).toBe(false);
  });
});
