import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import type { Image } from './images';

/** What `docker run` would be told. */
export interface ContainerOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Mounted on /var/lib/raftway; made when it is not there, for the image's user. */
  readonly dataDir?: string;
  /** A network of its own, with nothing but loopback. @default the machine's */
  readonly ownNetwork?: boolean;
}

const USER_ID = 65532;
const STOP_TIMEOUT_MS = 30_000;
const OUTPUT_CHARACTERS_MAX = 200_000;

/**
 * What a container runtime does, without cgroups: namespaces of its own for processes, mounts and names, the image as a read-only root, no
 * new privileges, the image's user, variables, directory and entry point. The entry point becomes process 1 and gets signals itself.
 */
const START = `
if [ -n "$OWN_NETWORK" ]; then ip link set lo up; fi
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
if [ -n "$DATA" ]; then mount --bind "$DATA" "$ROOT/var/lib/raftway"; fi
mount -o remount,bind,ro "$ROOT"
exec setpriv --no-new-privs chroot --userspec="$USERSPEC" --groups= "$ROOT" /usr/bin/env --ignore-environment --chdir="$WORKDIR" "$@"
`;

/** A process in a container, from an image. */
export class Container {
  private output = '';

  private constructor(
    private readonly image: Image,
    private readonly variables: readonly string[],
    private readonly process: ChildProcess,
  ) {
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
    };
    process.stdout?.on('data', keep);
    process.stderr?.on('data', keep);
    // It could not be started: whoever waits for it reports why.
    process.on('error', (error) => keep(Buffer.from(`${error.message}\n`)));
  }

  static start(image: Image, options: ContainerOptions = {}): Container {
    const { environment = {}, dataDir, ownNetwork = false } = options;
    if (dataDir !== undefined) {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      chownSync(dataDir, USER_ID, USER_ID);
    }
    const { Env, Entrypoint, User, WorkingDir } = image.config;
    const variables = [...Env, ...Object.entries(environment).map((pair) => pair.join('='))];
    const namespaces = ['--pid', '--mount', '--uts', '--ipc', ...(ownNetwork ? ['--net'] : [])];
    const child = spawn(
      'setpriv',
      [
        // A test runner that is killed leaves nothing behind.
        ...['--pdeathsig', 'KILL', 'unshare'],
        ...['--fork', '--kill-child', ...namespaces, 'sh', '-euc', START, 'container'],
        ...variables,
        ...Entrypoint,
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        // Its own process group: a signal for the test runner is not one for the container.
        detached: true,
        env: {
          PATH: process.env['PATH'],
          ROOT: image.root,
          DATA: dataDir ?? '',
          OWN_NETWORK: ownNetwork ? 'yes' : '',
          USERSPEC: User,
          WORKDIR: WorkingDir,
        },
      },
    );
    return new Container(image, variables, child);
  }

  /** What the container wrote, its newest part. */
  log(): string {
    return this.output;
  }

  /** Runs a command beside process 1, like `docker exec`. */
  exec(...command: readonly string[]): { readonly status: number | null; readonly output: string } {
    const [uid = '', gid = ''] = this.image.config.User.split(':');
    const { status, stdout, stderr } = spawnSync(
      'nsenter',
      [
        ...['--target', String(this.livingProcessOne())],
        ...['--mount', '--pid', '--net', '--root', '--wd', '--setuid', uid, '--setgid', gid],
        ...['/usr/bin/env', '--ignore-environment', ...this.variables, ...command],
      ],
      { encoding: 'utf8' },
    );
    return { status, output: stdout + stderr };
  }

  /** The image's own health check: what `docker ps` shows as healthy. */
  isHealthy(): boolean {
    const [, ...command] = this.image.config.Healthcheck.Test;
    return this.processOne() !== undefined && this.exec(...command).status === 0;
  }

  isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** SIGTERM, as `docker stop` sends it to process 1; yields the exit code. */
  async stop(): Promise<number | null> {
    return await this.end('SIGTERM');
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    if (!this.isRunning()) return this.process.exitCode;
    const closed = new Promise<number | null>((done) => this.process.once('close', done));
    process.kill(this.livingProcessOne(), signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const code = await closed;
    clearTimeout(timer);
    return code;
  }

  private livingProcessOne(): number {
    const found = this.processOne();
    if (found === undefined) throw new Error(`the container has no process: ${this.output}`);
    return found;
  }

  /** Process 1 of the container, as this machine numbers it: the one child of unshare. Undefined while it starts, and once it has ended. */
  private processOne(): number | undefined {
    const { pid } = this.process;
    if (pid === undefined || !this.isRunning()) return undefined;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? undefined : Number(children.split(' ')[0]);
  }
}
