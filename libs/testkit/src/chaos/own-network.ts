import { spawn } from 'node:child_process';
import {
  createNamespaces,
  inClientNamespace,
  namespacedNetwork,
  namespacesMissing,
  removeLeftovers,
  removeNamespaces,
} from './namespaces';
import { loopbackNetwork, type Network } from './network';

/** Tells the inner process which namespaces the outer one has made. */
const VARIABLE = 'CHAOS_NAMESPACES';

/**
 * Runs a program's work on a network that can be cut: makes the namespaces, starts this very program again where the clients are, waits for it
 * and removes everything. Where namespaces cannot be used it says so and works on loopback.
 *
 * @param work yields the exit code
 */
export async function inOwnNetwork(
  { isWanted, notice }: { readonly isWanted: boolean; readonly notice: (line: string) => void },
  work: (network: Network) => Promise<number>,
): Promise<number> {
  const inside = process.env[VARIABLE];
  if (inside !== undefined) return await work(await namespacedNetwork(inside));
  const missing = isWanted ? await namespacesMissing() : 'not asked for';
  if (missing !== undefined) {
    notice(`links are not cut in this run: ${missing}`);
    return await work(loopbackNetwork());
  }
  await removeLeftovers();
  const id = String(process.pid);
  try {
    await createNamespaces(id);
    return await runAgainInside(id);
  } finally {
    await removeNamespaces(id);
  }
}

async function runAgainInside(id: string): Promise<number> {
  const [program, args] = inClientNamespace(id, process.execPath, process.argv.slice(1));
  const child = spawn(program, args, {
    stdio: 'inherit',
    env: { ...process.env, [VARIABLE]: id },
  });
  const end = (): void => void child.kill('SIGTERM');
  process.once('SIGTERM', end).once('SIGINT', end);
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
