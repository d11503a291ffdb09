import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { NODE_FLAGS } from '@raftway/service-kit';

const workspace = resolve(__dirname, '../../../..');
const startTimeoutMs = 60_000;

/** Starts a built app as it is deployed. Its log goes nowhere, its errors to standard error. */
export function spawnApp(app: string, environment: Readonly<Record<string, string>>): ChildProcess {
  const entry = join(workspace, 'apps', app, 'dist', 'main.js');
  return spawn(process.execPath, [...NODE_FLAGS, entry], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Waits for a condition, which may throw until it holds. @throws after a minute */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + startTimeoutMs;
  for (;;) {
    if (await condition().catch(() => false)) return;
    if (performance.now() > endMs) throw new Error(`not within ${startTimeoutMs} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 2));
  }
}
