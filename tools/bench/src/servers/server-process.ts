import { type ChildProcess, spawn } from 'node:child_process';
import { BenchError } from '../bench-error';

const STOP_TIMEOUT_MS = 8_000;
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 50;
const KEPT_OUTPUT_CHARACTERS = 2_000;

const running = new Set<ServerProcess>();
// The last resort, for an end that nobody could wait for: nothing that was started here outlives this process.
process.on('exit', () => {
  for (const server of running) server.kill();
});

/** A server that the benchmark started. */
export class ServerProcess {
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private output = '';

  constructor(
    private readonly name: string,
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.child = spawn(command, args, {
      env: { ...process.env, ...environment },
      // Our services stop when their standard input closes: it stays open for as long as this process lives.
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    running.add(this);
    this.child.stdin?.on('error', () => undefined);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (part: Buffer) => {
        this.output = (this.output + part.toString()).slice(-KEPT_OUTPUT_CHARACTERS);
      });
    }
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        running.delete(this);
        resolve();
      };
      this.child.once('close', end);
      this.child.once('error', (error) => {
        this.output += error.message;
        end();
      });
    });
  }

  /** @throws BenchError when it could not be started. */
  get pid(): number {
    if (this.child.pid === undefined) throw this.failed('did not start');
    return this.child.pid;
  }

  /** Waits until a condition holds. @throws BenchError when the server ends before, or takes too long. */
  async ready(condition: () => Promise<boolean>): Promise<void> {
    const giveUpMs = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (!running.has(this)) throw this.failed('ended while it started');
      if (await condition().catch(() => false)) return;
      if (performance.now() > giveUpMs) throw this.failed('did not get ready');
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Asks it to end, and kills it when it does not. */
  async stop(): Promise<void> {
    if (!running.has(this)) return;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private failed(what: string): BenchError {
    return new BenchError(`${this.name} ${what}: ${this.output.trim() || 'it said nothing'}`);
  }
}
