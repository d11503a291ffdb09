import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { directoryHolder } from '@raftway/raft';
import type { ProcessPlan } from './suite';

/** Something that the person who started the suite can mend; its message is one sentence. */
export class UpError extends Error {
  override readonly name = 'UpError';
}

/** Fails, naming the first port that somebody else listens on. */
export async function checkPorts(plans: readonly ProcessPlan[]): Promise<void> {
  for (const plan of plans) {
    for (const address of plan.listens) {
      const code = await listenProblem(address);
      if (code === 'EADDRINUSE') {
        throw new UpError(
          `${address}, which ${plan.name} needs, is in use by another process: stop that one, or start this suite beside it with --port-offset 100.`,
        );
      }
      if (code !== undefined) {
        throw new UpError(`${address}, which ${plan.name} needs, cannot be listened on (${code}).`);
      }
    }
  }
}

/** Why an address cannot be listened on, as an error code; undefined when it can. */
export function listenProblem(address: string): Promise<string | undefined> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon);
  const port = Number(address.slice(colon + 1));
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Fails when a program of the suite has not been built. */
export function checkBuilt(plans: readonly ProcessPlan[]): void {
  const missing = plans.find((plan) => !existsSync(plan.entry));
  if (missing !== undefined) {
    throw new UpError(
      `${missing.entry} is missing: build the suite first, with \`npm run build\` (\`npm start\` does it by itself).`,
    );
  }
}

const REPLICA_DIRECTORY = /^(?:registry|lock-service|id-service)-\d+$/;

/** Fails when a replica of another suite, which may listen on other ports, writes there. */
function checkUnused(dataDir: string): void {
  for (const name of readdirSync(dataDir).filter((one) => REPLICA_DIRECTORY.test(one))) {
    const pid = directoryHolder(join(dataDir, name));
    if (pid === undefined) continue;
    throw new UpError(
      `${dataDir} is in use by a running suite (process ${pid} holds ${name}): stop that one, or choose another directory with --data-dir.`,
    );
  }
}

/** Only what a suite writes: the directory may hold other things. */
function forget(dataDir: string): void {
  const marks = ['suite.json', 'up.json'];
  const isOurs = (name: string): boolean => REPLICA_DIRECTORY.test(name) || marks.includes(name);
  for (const name of readdirSync(dataDir).filter(isOurs)) {
    rmSync(join(dataDir, name), { recursive: true, force: true });
  }
}

interface SuiteMark {
  readonly replicas: number;
}

/**
 * Makes the data directory, forgets its state when asked to, and refuses state that a running suite uses, or of another number of
 * replicas: a group's members are read from the options only into an empty directory.
 */
export function prepareDataDir(dataDir: string, replicas: number, fresh: boolean): void {
  const mark = join(dataDir, 'suite.json');
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    checkUnused(dataDir);
    if (fresh) forget(dataDir);
    if (existsSync(mark)) {
      const known = readMark(mark);
      if (known.replicas !== replicas) {
        throw new UpError(
          `${dataDir} holds the state of a suite with --replicas ${known.replicas}: start it with that, or forget the state with --fresh.`,
        );
      }
      return;
    }
    writeFileSync(mark, `${JSON.stringify({ replicas } satisfies SuiteMark)}\n`);
  } catch (error) {
    if (error instanceof UpError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new UpError(
      `${dataDir} cannot be used (${code}): make it a directory that you may read and write, or choose another with --data-dir.`,
    );
  }
}

function readMark(path: string): SuiteMark {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && 'replicas' in parsed) {
      return { replicas: Number(parsed.replicas) };
    }
  } catch {
    // Falls through to the same sentence as any other content that is not ours.
  }
  throw new UpError(`${path} is damaged: mend it, or forget the suite's state with --fresh.`);
}
