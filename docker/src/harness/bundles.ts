import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WORKSPACE } from './images';

/** The bundles that go into the images, outside of any image. */
export class Bundles {
  private readonly directory = mkdtempSync(join(tmpdir(), 'raftway-bundles-'));

  constructor() {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(WORKSPACE, 'docker', 'bundle.mjs'), this.directory],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(stderr);
  }

  /** What the app says is wrong with its environment, one line a problem; it is given one wrong variable, so that it never starts. */
  complaints(app: string, environment: Readonly<Record<string, string>>): string[] {
    const { stderr } = this.run(app, [], { ...environment, RAFTWAY_NOTHING: '1' });
    const lines = stderr.split('\n').filter((line) => line.trim() !== '');
    if (!lines.some((line) => line.includes('RAFTWAY_NOTHING'))) throw new Error(stderr);
    return lines.filter((line) => line.includes('RAFTWAY_') && !line.includes('RAFTWAY_NOTHING'));
  }

  /** What the app logs until it ends because it cannot listen: at an address that is kept for documents (RFC 5737). */
  log(app: string, environment: Readonly<Record<string, string>>): string {
    const bind = { RAFTWAY_BIND: '192.0.2.1:1', RAFTWAY_HTTP_BIND: '127.0.0.1:0' };
    return this.run(app, [], { ...environment, ...bind }).stdout;
  }

  /** One file of an app's bundle. */
  file(app: string, name: string): string {
    return readFileSync(join(this.directory, app, name), 'utf8');
  }

  /** What the app prints for --help. */
  help(app: string): string {
    return this.run(app, ['--help'], {}).stdout;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private run(app: string, args: readonly string[], environment: Readonly<Record<string, string>>) {
    const folder = join(this.directory, app);
    return spawnSync(process.execPath, ['main.js', ...args], {
      cwd: folder,
      env: { ...environment, RAFTWAY_CONFIG_FILE: join(folder, 'raftway.yaml') },
      encoding: 'utf8',
      timeout: 30_000,
    });
  }
}
