/* eslint-disable no-console -- a command line program */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { documentRun } from './document';
import { runLeases } from './lease-run';
import { loopbackNetwork } from './network';

const USAGE = `Keeps sessions and registrations alive through frozen leaders, changes of leader and a restart of everything.

  npm run verify:leases -- [--count 10000] [--ttl-seconds 20] [--freeze-seconds 30] [--seed 1] [--root <folder>] [--document]`;

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      count: text,
      'ttl-seconds': text,
      'freeze-seconds': text,
      seed: text,
      root: text,
      document: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 2;
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'raftway-leases-'));
  const lines: string[] = [];
  const findings = await runLeases({
    seed: Number(values.seed ?? 1),
    count: Number(values.count ?? 10_000),
    ttlMs: 1000 * Number(values['ttl-seconds'] ?? 20),
    freezeMs: 1000 * Number(values['freeze-seconds'] ?? 30),
    root: resolve(values.root ?? WORKSPACE),
    dataDir,
    network: loopbackNetwork(),
    report: (line) => {
      lines.push(line);
      console.log(line);
    },
  });
  for (const finding of findings) console.error(finding);
  if (values.document === true) documentRun(WORKSPACE, 'leases', [...lines, ...findings]);
  console.log(findings.length === 0 ? 'PASSED' : `FAILED; logs are in ${dataDir}`);
  if (findings.length === 0) rmSync(dataDir, { recursive: true, force: true });
  return findings.length === 0 ? 0 : 1;
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
