import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants, hostname } from 'node:os';
import { ServiceError } from '@raftway/errors';
import { toDuration } from '@raftway/service-kit';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';
import { CALL_MARGIN_MS, type LockClient } from './client';
import { describeHolders } from './render';
import { SessionKeeper } from './session-keeper';

/** What `raftway locks run` is told. */
export interface RunOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** Of the session under which the lock is held. */
  readonly ttlMs: number;
  /** How long to wait for the lock; 0 = try once. */
  readonly waitMs: number;
  /** How long the command may go on after SIGTERM when the lock is lost. */
  readonly graceMs: number;
  /** Where warnings go. */
  readonly warn: (text: string) => void;
}

/** As shells have it. */
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_SIGNAL_BASE = 128;
const EXIT_INTERRUPTED = 130;

/**
 * Runs a command while a lock is held. Yields the command's exit code, as a shell would.
 *
 * @throws CommandError `unfinished` when the lock is not to be had, `lockLost` when it was lost while the command ran.
 */
export async function runLocked(client: LockClient, options: RunOptions): Promise<number> {
  const openedMs = performance.now();
  const { sessionId } = await client.openSession({
    ttl: toDuration(options.ttlMs),
    requestId: randomUUID(),
  });
  const keeper = new SessionKeeper(client, sessionId, options.ttlMs, openedMs);
  const interrupted = new Interruption();
  try {
    const token = await acquire(client, sessionId, options, interrupted.signal);
    keeper.watch(options.name, token);
    return await runCommand(options, token, keeper.lost, interrupted);
  } finally {
    interrupted.end();
    await keeper.stop();
    await close(client, sessionId, options);
  }
}

async function acquire(
  client: LockClient,
  sessionId: string,
  { name, waitMs }: RunOptions,
  signal: AbortSignal,
): Promise<bigint> {
  const request = {
    name,
    sessionId,
    waitTimeout: toDuration(waitMs),
    requestId: randomUUID(),
    metadata: { host: hostname(), pid: String(process.pid) },
  };
  const timeoutMs = waitMs + CALL_MARGIN_MS;
  const answer = await client.acquire(request, { timeoutMs, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw new CommandError(EXIT_INTERRUPTED, `interrupted while waiting for the lock "${name}"`);
  });
  if (answer.acquired) return answer.fencingToken;
  const message = `the lock "${name}" is not to be had: ${describeHolders(answer.holders)}`;
  throw new CommandError(ExitCode.unfinished, message);
}

async function runCommand(
  options: RunOptions,
  token: bigint,
  lost: AbortSignal,
  interrupted: Interruption,
): Promise<number> {
  const [file = '', ...words] = options.command;
  const child = spawn(file, words, {
    stdio: 'inherit',
    env: {
      ...process.env,
      RAFTWAY_FENCING_TOKEN: String(token),
      RAFTWAY_LOCK_NAME: options.name,
    },
  });
  interrupted.passTo(child);
  let killing: NodeJS.Timeout | undefined;
  const onLost = (): void => {
    child.kill('SIGTERM');
    killing = setTimeout(() => child.kill('SIGKILL'), options.graceMs);
  };
  lost.addEventListener('abort', onLost);
  // It may have been lost before anybody listened.
  if (lost.aborted) onLost();
  const code = await exitCodeOf(child, file);
  clearTimeout(killing);
  lost.removeEventListener('abort', onLost);
  if (!lost.aborted) return code;
  const message = `the lock "${options.name}" was lost, ${String(lost.reason)}: the command was stopped`;
  throw new CommandError(ExitCode.lockLost, message);
}

function exitCodeOf(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', ({ code = '', message }: NodeJS.ErrnoException) => {
      const isMissing = code === 'ENOENT';
      const exitCode = isMissing ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
      const why = isMissing ? 'there is no such command' : message;
      reject(new CommandError(exitCode, `${file} cannot be run: ${why}`));
    });
    child.once('close', (code, signal) => {
      resolve(code ?? EXIT_SIGNAL_BASE + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

async function close(client: LockClient, sessionId: string, options: RunOptions): Promise<void> {
  try {
    await client.closeSession({ sessionId, requestId: randomUUID() });
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    // Lost sessions are gone already.
    if (error.reason === 'SESSION_NOT_FOUND') return;
    const until = `it is free when its ${options.ttlMs / 1000} s have passed`;
    options.warn(
      `raftway: the lock "${options.name}" could not be given back, ${until}: ${error.message}`,
    );
  }
}

/** Signals that ask this process to end: they cancel the wait for the lock, and go to the command once it runs. */
class Interruption {
  private readonly controller = new AbortController();
  private child: ChildProcess | undefined;
  private readonly names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  private readonly onSignal = (name: NodeJS.Signals): void => {
    this.controller.abort();
    // A terminal sends Ctrl-C to the command by itself.
    if (name === 'SIGINT' && process.stdin.isTTY) return;
    this.child?.kill(name);
  };

  constructor() {
    for (const name of this.names) process.on(name, this.onSignal);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  passTo(child: ChildProcess): void {
    this.child = child;
  }

  end(): void {
    for (const name of this.names) process.off(name, this.onSignal);
  }
}
