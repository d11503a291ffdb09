import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { NODE_FLAGS } from '@raftway/service-kit';
import type { ProcessPlan } from './suite';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last line that it wrote to its standard error. */
  readonly lastError: string;
}

/** A running process of the suite, with its output passed on line by line. */
export class ManagedProcess {
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>;
  private readonly child: ChildProcess;
  private ending: Ending | undefined;
  private lastError = '';

  constructor(
    readonly plan: ProcessPlan,
    environment: NodeJS.ProcessEnv,
    onLine: (name: string, line: string) => void,
  ) {
    // Its own process group: Ctrl-C must reach the suite in order (the gateway first), not everybody at once. Its standard input is a
    // pipe from here, so that it can tell when this process is gone, even by SIGKILL, and stops too.
    this.child = spawn(process.execPath, ['--enable-source-maps', ...NODE_FLAGS, plan.entry], {
      env: { ...environment, ...plan.environment, RAFTWAY_STOP_WITH_PARENT: 'true' },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stdin?.on('error', () => undefined);
    this.pass(this.child.stdout, (line) => onLine(plan.name, line));
    this.pass(this.child.stderr, (line) => {
      if (line.trim() !== '') this.lastError = line.trim();
      onLine(plan.name, line);
    });
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.ending ??= { code, signal, lastError: this.lastError };
        resolve(this.ending);
      };
      this.child.once('close', end);
      this.child.once('error', (error) => {
        this.lastError = error.message;
        end(null, null);
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** How it ended, or undefined while it runs. */
  get endedWith(): Ending | undefined {
    return this.ending;
  }

  signal(name: NodeJS.Signals): void {
    if (this.ending === undefined) this.child.kill(name);
  }

  /** Asks it to drain; kills it when it has not ended within the bound. Says whether it ended by itself. */
  async stop(boundMs: number): Promise<boolean> {
    if (this.ending !== undefined) return true;
    this.signal('SIGTERM');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), boundMs);
    });
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    clearTimeout(timer);
    if (!inTime) {
      this.signal('SIGKILL');
      await this.ended;
    }
    return inTime;
  }

  private pass(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
    if (stream !== null) createInterface({ input: stream }).on('line', onLine);
  }
}

/** A process's ending as one clause. */
export function describeEnding(ending: Ending): string {
  const how =
    ending.signal === null
      ? `ended with exit code ${ending.code ?? 'unknown'}`
      : `was ended by ${ending.signal}`;
  return ending.lastError === '' ? how : `${how}: ${ending.lastError}`;
}
