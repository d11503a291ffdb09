import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareDataDir, UpError } from './preflight';

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'raftway-up-'));
});

afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** The state of a replica, with the lock of a process as @raftway/raft's storage writes it. */
function replicaOf(pid: number): string {
  const directory = join(dataDir, 'lock-service-2');
  mkdirSync(directory);
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  writeFileSync(join(directory, 'LOCK'), JSON.stringify({ pid, started: fields?.[19], boot }));
  return directory;
}

// Elsewhere `ps` says when a process started, in other words than these specs write.
(process.platform === 'linux' ? describe : describe.skip)('a data directory', () => {
  it.each([true, false])('that a living process uses is refused (--fresh: %s)', (fresh) => {
    const replica = replicaOf(process.pid);

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
    const replica = replicaOf(child.pid ?? 0);
    child.kill('SIGKILL');
    await once(child, 'exit');

    prepareDataDir(dataDir, 3, false);
    expect(existsSync(replica)).toBe(true);
    prepareDataDir(dataDir, 3, true);
    expect(existsSync(replica)).toBe(false);
  });

  it('is not held by another process that got the same id later', () => {
    const replica = replicaOf(process.pid);
    const lock = join(replica, 'LOCK');
    const holder = JSON.parse(readFileSync(lock, 'utf8')) as object;
    writeFileSync(lock, JSON.stringify({ ...holder, started: '1' }));

    prepareDataDir(dataDir, 3, true);

    expect(existsSync(replica)).toBe(false);
  });
});
