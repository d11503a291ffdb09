/* eslint-disable no-console -- a command line program */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos-run';
import { findDiskFaults } from './disks';
import type { DiskFaults } from './disks';
import { documentRun } from './document';
import { runLeases } from './lease-run';
import type { Network } from './network';
import { inOwnNetwork } from './own-network';
import { plant, PLANTED_BUGS, type PlantedBug } from './planted-bugs';

const USAGE = `Puts known mistakes into a copy of the built services, one at a time, and checks that a run with faults finds each.

  npm run verify:planted-bugs -- [--only <name>] [--seconds 45] [--seed 1] [--document]

  ${PLANTED_BUGS.map(({ name, story }) => `${name.padEnd(36)} ${story}`).join('\n  ')}`;

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');

const LEASES = { count: 200, ttlMs: 4_000, freezeMs: 5_000 };

/** @returns what found it, one line each; none when nothing did. */
async function hunt(
  bug: PlantedBug,
  durationMs: number,
  seed: number,
  network: Network,
  disks: DiskFaults,
): Promise<string[]> {
  const scratch = mkdtempSync(join(tmpdir(), 'raftway-planted-'));
  try {
    plant(bug, WORKSPACE, scratch);
    const place = {
      root: scratch,
      dataDir: join(scratch, 'data'),
      network,
      report: () => undefined,
    };
    if (bug.foundBy === 'leases') return await runLeases({ ...LEASES, ...place, seed });
    const { verdicts } = await runChaos({ ...place, disks, seed, durationMs });
    return verdicts
      .filter(({ verdict }) => verdict === 'violated')
      .map(({ check, findings }) => `${check}: ${(findings[0] ?? '').slice(0, 160)}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      only: text,
      seconds: text,
      seed: text,
      document: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  const bugs = PLANTED_BUGS.filter(({ name }) => values.only === undefined || name === values.only);
  if (values.help === true || bugs.length === 0) {
    console.log(USAGE);
    return 2;
  }
  const durationMs = 1000 * Number(values.seconds ?? 45);
  return await inOwnNetwork({ isWanted: true, notice: console.log }, async (network) => {
    const disks = await findDiskFaults(console.log);
    let missed = 0;
    const lines: string[] = [];
    const report = (line: string): void => {
      lines.push(line);
      console.log(line);
    };
    for (const bug of bugs) {
      const found = await hunt(bug, durationMs, Number(values.seed ?? 1), network, disks);
      if (found.length === 0) missed += 1;
      report(`${found.length > 0 ? 'found ' : 'MISSED'}  ${bug.name}: ${bug.story}`);
      for (const line of found) report(`          ${line}`);
    }
    report(`${bugs.length - missed} of ${bugs.length} planted bugs found`);
    if (values.document === true) documentRun(WORKSPACE, 'planted-bugs', lines);
    return missed === 0 ? 0 : 1;
  });
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
