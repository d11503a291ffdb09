import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const WORKSPACE = resolve(__dirname, '..', '..', '..');
const SCRIPT = join(WORKSPACE, 'tools', 'scripts', 'images.mjs');
const TOOLS = ['buildah', 'debootstrap', 'unshare', 'nsenter', 'setpriv', 'ip'];

/** `true`, as CI sets it, or a folder for buildah's storage, which is kept, so that the base image is made once. */
const WANTED = process.env['TEST_IMAGES'];

/** @throws Error saying what building and starting images needs that is not here. */
function checkMachine(): void {
  const missing = TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);
  if (process.platform !== 'linux') missing.push('Linux');
  if (process.getuid?.() !== 0) missing.push('root');
  if (missing.length > 0) throw new Error(`images cannot be tested without ${missing.join(', ')}`);
}

/** What an image says about how it is run. */
export interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly WorkingDir: string;
  readonly StopSignal: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

/** An image with its files in a folder. */
export interface Image {
  readonly name: string;
  readonly root: string;
  readonly config: ImageConfig;
}

/** The images of the suite, built as users without a Docker engine build them. */
export class Images {
  private readonly mounted = new Map<string, Image>();

  private constructor(
    private readonly storage: string,
    private readonly isTemporary: boolean,
    /** What the build printed: one line an image. */
    readonly report: string,
  ) {}

  /** Builds all images. */
  static async build(): Promise<Images> {
    checkMachine();
    const kept = WANTED === 'true' ? undefined : WANTED;
    const storage = kept ?? mkdtempSync(join(tmpdir(), 'raftway-image-specs-'));
    try {
      const report = await build(storage);
      return new Images(storage, kept === undefined, report);
    } catch (error) {
      if (kept === undefined) rmSync(storage, { recursive: true, force: true });
      throw error;
    }
  }

  /** @param app such as `gateway`. */
  image(app: string): Image {
    const found = this.mounted.get(app) ?? this.mount(app);
    this.mounted.set(app, found);
    return found;
  }

  remove(): void {
    this.buildah('rm', '--all');
    if (this.isTemporary) rmSync(this.storage, { recursive: true, force: true });
  }

  private mount(app: string): Image {
    const name = `localhost/raftway/${app}:${versionOfWorkspace()}`;
    const { Docker } = JSON.parse(this.buildah('inspect', '--type', 'image', name)) as {
      Docker: { config: ImageConfig };
    };
    const container = this.buildah('from', '--pull-never', name);
    return { name, root: this.buildah('mount', container), config: Docker.config };
  }

  private buildah(...args: readonly string[]): string {
    const place = ['--root', join(this.storage, 'root'), '--runroot', join(this.storage, 'run')];
    const { status, stdout, stderr } = spawnSync(
      'buildah',
      [...place, '--storage-driver', 'vfs', ...args],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`buildah ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }
}

/** The version that images are tagged with. */
export function versionOfWorkspace(): string {
  const text = readFileSync(join(WORKSPACE, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function build(storage: string): Promise<string> {
  const child = spawn(process.execPath, [SCRIPT, '--storage', storage], { cwd: WORKSPACE });
  let output = '';
  let progress = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (progress += chunk.toString()));
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`the images cannot be built (${String(code)})\n${progress}`);
  return output;
}
