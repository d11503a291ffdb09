import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { BenchError } from '../bench-error';
import type { Workbench } from '../workbench';
import { freePorts } from '@raftway/service-kit/testing';

/** The bare backend, in a process of its own. */
export interface Backend {
  readonly pid: number;
  readonly address: string;
  readonly port: number;
  /** Calls that it has answered. */
  readonly answered: () => Promise<number>;
}

/** Starts the bare backend. It ends when the channel to it closes. */
export async function startBackend(bench: Workbench): Promise<Backend> {
  const [port = 0] = await freePorts(1);
  const child = fork(join(__dirname, 'bare-backend.js'), [String(port)]);
  bench.onStop(async () => {
    if (child.exitCode !== null) return;
    // 'close' does not come after a disconnect() from this side.
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.disconnect();
    await ended;
  });
  await nextMessage(child);
  return {
    pid: child.pid ?? 0,
    port,
    address: `127.0.0.1:${port}`,
    answered: async () => {
      const reply = nextMessage(child);
      child.send('count');
      return Number(await reply);
    },
  };
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void =>
      reject(new BenchError(`the backend ended with code ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}
