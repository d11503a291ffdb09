import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-ports';

/** Whether specs run with a Redis: where one is installed, and in the gate in any case (see tools/scripts/jest-needs.cjs). */
export function runsWithRedis(): boolean {
  return (
    process.env['TEST_COMPLETE'] === 'true' || spawnSync('redis-server', ['--version']).status === 0
  );
}

/** A real Redis on a free port. */
export class RedisServer {
  private process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly settings: readonly string[],
  ) {}

  /** @param settings More command line arguments. */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const directory = await mkdtemp(join(tmpdir(), 'raftway-redis-'));
    const [port = 0] = await freePorts(1);
    const server = new RedisServer(port, directory, settings);
    await server.resume();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts the process (again), with what it has on its disk. */
  async resume(): Promise<void> {
    const persistence = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
    const place = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.directory];
    const started = spawn('redis-server', [...place, ...persistence, ...this.settings], {
      stdio: 'ignore',
    });
    this.process = started;
    const giveUpAtMs = performance.now() + 10_000;
    while (!(await answers(this.port))) {
      if (started.exitCode !== null || performance.now() > giveUpAtMs)
        throw new Error('redis-server does not start');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    const { process: running } = this;
    this.process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = once(running, 'exit');
    running.kill('SIGKILL');
    await exited;
  }

  /** The process lives and does nothing. */
  freeze(): void {
    this.process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    // Also -NOAUTH is an answer; -LOADING is not.
    socket.once('data', (data) => end(!data.toString().startsWith('-LOADING')));
    socket.once('error', () => end(false));
    socket.setTimeout(1_000, () => end(false));
  });
}
