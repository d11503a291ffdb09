import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  findDiskFaults,
  LimitedDisk,
  limitedDisksMissing,
  releaseDisks,
  slowDisksMissing,
  slowSyncs,
} from './disks';

let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'raftway-disks-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  releaseDisks(folder);
  rmSync(folder, { recursive: true, force: true });
});

function skipped(reason: string): void {
  process.stderr.write(`skipped: ${reason}\n`);
}

describe('a disk of limited size', () => {
  it('takes nothing while it is full, and goes on when there is room again', async () => {
    const missing = await limitedDisksMissing();
    if (missing !== undefined) return skipped(missing);
    const disk = await LimitedDisk.mount(join(folder, 'disk'));
    const file = join(disk.dataDir, 'file');
    mkdirSync(disk.dataDir);
    writeFileSync(file, 'before');

    disk.fill();

    expect(() => writeFileSync(`${file}-2`, 'x'.repeat(10_000))).toThrow('ENOSPC');

    disk.free();

    writeFileSync(`${file}-2`, 'x'.repeat(10_000));
    disk.copyTo(join(folder, 'copy'));
    releaseDisks(folder);
    expect(existsSync(file)).toBe(false);
    expect(readFileSync(join(folder, 'copy', 'file'), 'utf8')).toBe('before');
  });
});

describe('a slow disk', () => {
  it('holds up every sync, and no longer than was asked for', async () => {
    const missing = await slowDisksMissing();
    if (missing !== undefined) return skipped(missing);
    const syncing = startSyncing(join(folder, 'file'));
    await syncing.longest();

    expect(await slowSyncs(syncing.pid, 400, 1_500)).toBeUndefined();

    expect(await syncing.longest()).toBeGreaterThanOrEqual(400);
    expect(await syncing.shortest()).toBeLessThan(400);
  });

  it('says why a process cannot be traced', async () => {
    const missing = await slowDisksMissing();
    if (missing !== undefined) return skipped(missing);

    expect(await slowSyncs(4_194_999, 1, 1_000)).toContain('No such process');
  });
});

describe('the faults of disks', () => {
  it('are looked for, with a word about each that cannot be made', async () => {
    const notices: string[] = [];

    const { canFill, canSlow } = await findDiskFaults((line) => notices.push(line));

    expect(notices).toHaveLength([canFill, canSlow].filter((can) => !can).length);
  });
});

/** A process that syncs a file again and again in a thread of its pool, as a replica does, and tells how long each took. */
function startSyncing(file: string) {
  const script =
    "const fs=require('fs');const fd=fs.openSync(process.argv[1],'w');const turn=()=>{fs.writeSync(fd,'x');" +
    'const at=performance.now();fs.fdatasync(fd,()=>{process.stdout.write(`${performance.now()-at}\\n`);setTimeout(turn,5)})};turn()';
  const child = spawn(process.execPath, ['-e', script, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let times: number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => times.push(Number(line)));
  /** Of those since the last question; waits for some. */
  const seen = async (): Promise<number[]> => {
    while (times.length < 2) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error('the process that syncs has ended');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const answer = times;
    times = [];
    return answer;
  };
  return {
    pid: child.pid ?? 0,
    longest: async () => Math.max(...(await seen())),
    shortest: async () => Math.min(...(await seen())),
  };
}
