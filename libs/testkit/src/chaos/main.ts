/* eslint-disable no-console -- a command line program */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos-run';
import { findDiskFaults, releaseDisks } from './disks';
import { documentRun } from './document';
import { historyAsJson } from './run-history';
import { inOwnNetwork } from './own-network';
import type { Network } from './network';
import { hasPassed, summarize } from './summary';

const USAGE = `Runs three replicas of lock-service, id-service and registry through faults, and checks what their clients saw.

  npm run verify:chaos -- --minutes 10 --seed 7

  --minutes <n>      how long faults are made (default 10)
  --seconds <n>      the same in seconds
  --operations <n>   end when so many calls were made
  --seed <n>         which faults, in which order (default: the time)
  --root <folder>    where apps/<service>/dist/main.js are (default: this workspace)
  --document         put the summary into docs/reference/verification.md, too
  --loopback         no network namespaces, and so no cut links

Disks are filled and slowed, too, where root may mount a tmpfs and strace is installed.`;

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');

interface Arguments {
  readonly durationMs: number;
  readonly operationsMax: number | undefined;
  readonly seed: number;
  readonly root: string;
  readonly document: boolean;
  readonly loopback: boolean;
}

function parseArguments(): Arguments | undefined {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      options: {
        minutes: text,
        seconds: text,
        operations: text,
        seed: text,
        root: text,
        document: { type: 'boolean' },
        loopback: { type: 'boolean' },
      },
    });
    const number = (value: string | undefined): number | undefined => {
      if (value === undefined) return undefined;
      if (!/^\d+(\.\d+)?$/.test(value)) throw new RangeError(`${value} is no number`);
      return Number(value);
    };
    const seconds = number(values.seconds) ?? 60 * (number(values.minutes) ?? 10);
    return {
      durationMs: seconds * 1000,
      operationsMax: number(values.operations),
      seed: number(values.seed) ?? Math.floor(Date.now() / 1000),
      root: resolve(values.root ?? WORKSPACE),
      document: values.document ?? false,
      loopback: values.loopback ?? false,
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

/** @returns the exit code */
async function run(options: Arguments, network: Network): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), 'raftway-chaos-'));
  const { durationMs, operationsMax, seed, root } = options;
  console.log(
    `seed ${seed}; cuts: ${network.canCut ? 'yes' : 'no'}; slow links: ${network.slowness ?? 'no'}`,
  );
  const disks = await findDiskFaults(console.log);
  const end = (): never => {
    releaseDisks(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
    process.exit(130);
  };
  process.once('SIGTERM', end).once('SIGINT', end);
  let keepsData = true;
  try {
    const report = (line: string): void => console.log(line);
    const result = await runChaos({
      ...{ seed, durationMs, operationsMax, root, dataDir, network, disks, report },
    });
    const passed = hasPassed(result);
    const lines = [...summarize(result), '', passed ? 'PASSED' : 'FAILED'];
    console.log(['', ...lines].join('\n'));
    if (options.document) documentRun(WORKSPACE, 'chaos', lines);
    if (!passed) writeFileSync(join(dataDir, 'history.json'), historyAsJson(result.history));
    keepsData = !passed;
    return passed ? 0 : 1;
  } finally {
    if (keepsData)
      console.error(`the history, and the state and logs of the replicas, are in ${dataDir}`);
    else rmSync(dataDir, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const parsed = parseArguments();
  if (parsed === undefined) {
    console.error(USAGE);
    return 2;
  }
  return await inOwnNetwork({ isWanted: !parsed.loopback, notice: console.log }, (network) =>
    run(parsed, network),
  );
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
