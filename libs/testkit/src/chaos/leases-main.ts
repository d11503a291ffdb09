/* eslint-disable no-console -- a command line program */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runLeases } from './lease-run';
import { loopbackNetwork } from './network';
import { verify, WORKSPACE } from './verification';

const USAGE = `Keeps sessions and registrations alive through frozen leaders, changes of leader and a restart of everything.

  npm run verify:leases -- [--count 10000] [--ttl-seconds 20] [--freeze-seconds 30] [--seed 1] [--root <folder>] [--document]`;

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
  return await verify('leases', values.document === true, (place) =>
    runLeases({
      ...place,
      seed: Number(values.seed ?? 1),
      count: Number(values.count ?? 10_000),
      ttlMs: 1000 * Number(values['ttl-seconds'] ?? 20),
      freezeMs: 1000 * Number(values['freeze-seconds'] ?? 30),
      root: resolve(values.root ?? WORKSPACE),
      network: loopbackNetwork(),
    }),
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
