import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { acquireDirectoryLock, directoryHolder } from './directory-lock';

describe('the directory lock', () => {
  let directory: string;

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-lock-'));
  });

  afterEach(() => {
    fs.rmSync(directory, { recursive: true });
  });

  function lockAs(holder: Record<string, unknown>): void {
    fs.writeFileSync(path.join(directory, 'LOCK'), JSON.stringify(holder));
  }

  function ownHolder(): Record<string, unknown> {
    const release = acquireDirectoryLock(directory);
    const text = fs.readFileSync(path.join(directory, 'LOCK'), 'utf8');
    release();
    return JSON.parse(text) as Record<string, unknown>;
  }

  it('says who has it, as long as that process lives', () => {
    expect(directoryHolder(directory)).toBeUndefined();
    const holder = ownHolder();

    lockAs(holder);
    expect(directoryHolder(directory)).toBe(process.pid);
    lockAs({ ...holder, started: '1' });
    expect(directoryHolder(directory)).toBeUndefined();
    fs.writeFileSync(path.join(directory, 'LOCK'), 'nothing');
    expect(directoryHolder(directory)).toBeUndefined();
  });

  it('lets one in, and the next one when it is given back', () => {
    const release = acquireDirectoryLock(directory);
    expect(() => acquireDirectoryLock(directory)).toThrow(
      `process ${process.pid} is using this data directory. Stop that process, or give this one a data directory of its own`,
    );

    release();

    acquireDirectoryLock(directory)();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  it('is taken over from a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    lockAs({ ...ownHolder(), pid: child.pid });

    acquireDirectoryLock(directory)();
  });

  it('is taken over when the pid belongs to another process now, as in a restarted container', () => {
    lockAs({ ...ownHolder(), started: '1' });

    acquireDirectoryLock(directory)();
  });

  it('is taken over after a reboot', () => {
    lockAs({ ...ownHolder(), boot: 'another' });

    acquireDirectoryLock(directory)();
  });

  it('is taken over when it says nothing', () => {
    fs.writeFileSync(path.join(directory, 'LOCK'), '');

    acquireDirectoryLock(directory)();
  });

  it('is not taken over from a living process', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await new Promise((resolve) => child.once('spawn', resolve));
    const stat = fs.readFileSync(`/proc/${child.pid}/stat`, 'latin1');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    lockAs({ ...ownHolder(), pid: child.pid, started });

    expect(() => acquireDirectoryLock(directory)).toThrow(`process ${child.pid} is using`);

    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    acquireDirectoryLock(directory)();
  });
});
