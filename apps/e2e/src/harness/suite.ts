import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from './eventually';

export const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');
const CLI = join(WORKSPACE, 'tools', 'cli', 'dist', 'main.js');
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 90_000;
/** How much of the suite's output is kept for the report of a failed test. */
const OUTPUT_CHARACTERS_MAX = 400_000;

/** One line of `up.json`: everything needed to find a process, to end it and to start it again. */
export interface RunningProcess {
  readonly name: string;
  readonly service: string;
  readonly entry: string;
  readonly address: string;
  readonly httpAddress: string;
  readonly dataDir?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly command: string;
}

export interface SuiteStart {
  readonly portOffset: number;
  readonly replicas?: number;
  /** Default: a new temporary directory. */
  readonly dataDir?: string;
  readonly fresh?: boolean;
  /** Added to this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** How `raftway up` ended. */
export interface UpResult {
  readonly code: number | null;
  readonly output: string;
}

/** Runs `raftway up` to its end and yields what it said: for starts that are expected to fail. */
export async function runUp(args: readonly string[]): Promise<UpResult> {
  const { ended } = spawnUp(args);
  return await ended;
}

interface Spawned {
  readonly child: ChildProcess;
  readonly ended: Promise<UpResult>;
  output(): string;
}

function spawnUp(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Spawned {
  const child = spawn(process.execPath, [CLI, 'up', ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group, so that a signal for it is not one for the test runner.
    detached: true,
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<UpResult>((done) => {
    child.once('close', (code) => done({ code, output }));
  });
  return { child, ended, output: () => output };
}

/** A whole suite of real processes, started and stopped by the command that users run. */
export class Suite {
  private readonly restarted = new Map<string, ChildProcess>();

  private constructor(
    private readonly spawned: Spawned,
    readonly dataDir: string,
    readonly gateway: string,
    private readonly processes: readonly RunningProcess[],
  ) {}

  static async start(options: SuiteStart): Promise<Suite> {
    const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'raftway-e2e-'));
    const args = [
      ...['--data-dir', dataDir],
      ...['--port-offset', String(options.portOffset)],
      ...['--replicas', String(options.replicas ?? 3)],
      ...(options.fresh === true ? ['--fresh'] : []),
    ];
    const spawned = spawnUp(args, options.environment);
    let over: UpResult | undefined;
    void spawned.ended.then((result) => {
      over = result;
    });
    try {
      await eventually('the suite is ready', START_TIMEOUT_MS, () => {
        if (over !== undefined) throw new Error(`raftway up ended early:\n${over.output}`);
        return spawned.output().includes('The suite is ready');
      });
    } catch (error) {
      spawned.child.kill('SIGKILL');
      throw new Error(`the suite did not start:\n${spawned.output()}`, { cause: error });
    }
    const state = readFileSync(join(dataDir, 'up.json'), 'utf8');
    const gateway = `127.0.0.1:${8080 + options.portOffset}`;
    return new Suite(spawned, dataDir, gateway, JSON.parse(state) as RunningProcess[]);
  }

  /** What the suite has printed. */
  output(): string {
    return this.spawned.output();
  }

  process(name: string): RunningProcess {
    const found = this.processes.find((one) => one.name === name);
    if (found === undefined) throw new Error(`the suite has no process ${name}`);
    return found;
  }

  /** The replicas, or instances, of one service. */
  instances(service: string): RunningProcess[] {
    return this.processes.filter((one) => one.service === service);
  }

  /** Ends a process with SIGKILL and waits until it is gone. */
  async kill(name: string): Promise<void> {
    const pid = this.restarted.get(name)?.pid ?? this.process(name).pid;
    process.kill(pid, 'SIGKILL');
    await eventually(`${name} is gone`, 5_000, () => !isAlive(pid));
  }

  /** Starts a killed process again, as it was started first; with changes, a sibling of it. */
  startAgain(name: string, changes: Readonly<Record<string, string>> = {}): ChildProcess {
    const { command, entry, environment } = this.process(name);
    const child = spawn(command, [entry], {
      env: {
        ...withoutOptions(process.env),
        ...environment,
        ...changes,
        RAFTWAY_STOP_WITH_PARENT: 'true',
      },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.restarted.set(changes['RAFTWAY_INSTANCE_ID'] ?? name, child);
    return child;
  }

  /** Ctrl-C. */
  interrupt(): void {
    this.spawned.child.kill('SIGINT');
  }

  /** Ctrl-C, then waits for the end. */
  async stop(): Promise<UpResult> {
    this.interrupt();
    return await this.ended();
  }

  /** Waits until `raftway up` has ended by itself. */
  async ended(): Promise<UpResult> {
    const timer = setTimeout(() => this.spawned.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const result = await this.spawned.ended;
    clearTimeout(timer);
    return result;
  }

  /** Ends whatever still runs and removes the data: for afterAll. */
  async dispose(): Promise<void> {
    for (const child of this.restarted.values()) child.kill('SIGKILL');
    if (this.spawned.child.exitCode === null) await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** Options of the shell are not the suite's, and a stray one would stop the service that does not know it. */
function withoutOptions(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('RAFTWAY_')),
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A killed child that nobody has waited for yet still has a pid; its state says that it is over.
    return !/^\d+ \(.*\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
