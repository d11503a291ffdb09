import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { join, resolve } from 'node:path';

const workspace = resolve(__dirname, '../../../..');
const startTimeoutMs = 60_000;

/** Starts a built app. Its log goes nowhere, its errors to standard error. */
export function spawnApp(app: string, environment: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [join(workspace, 'apps', app, 'dist', 'main.js')], {
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

/** Ports that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
