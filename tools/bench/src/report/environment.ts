import { execFile } from 'node:child_process';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { probeDisk } from '../measure/disk';
import { type PeerProgram, versionOf } from '../peers';
import { significant } from './table';

const GIBIBYTE = 1024 ** 3;
const run = promisify(execFile);

/** Where and with what was measured, one fact a line. */
export async function describeEnvironment(
  root: string,
  directory: string,
  programs: readonly PeerProgram[],
): Promise<string[]> {
  const disk = await probeDisk(directory);
  const versions = await Promise.all(programs.map(versionOf));
  const processors = cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}, commit ${await commitOf(root)}`,
    `${processors.length} × ${processors[0]?.model.trim() || 'unnamed processor'}, ${Math.round(totalmem() / GIBIBYTE)} GiB, ${platform()} ${release()} ${arch()}`,
    `data directories on ${disk.fileSystem}: ${significant(disk.syncsPerSecond)} appends of 512 bytes with fdatasync a second`,
    `Node ${process.versions.node}, ${versions.join(', ')}`,
  ];
}

async function commitOf(root: string): Promise<string> {
  try {
    const { stdout } = await run('git', ['rev-parse', '--short', 'HEAD'], { cwd: root });
    const { stdout: changes } = await run('git', ['status', '--porcelain', '--', 'apps', 'libs'], {
      cwd: root,
    });
    return stdout.trim() + (changes === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}
