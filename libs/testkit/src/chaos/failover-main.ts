/* eslint-disable no-console -- a command line program */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runFailover } from './failover-run';
import type { Network } from './network';
import { inOwnNetwork } from './own-network';
import { verify, WORKSPACE } from './verification';

const USAGE = `Kills the leader of a group again and again, lets it hand over, hang, and lose one link, while clients write.

  npm run verify:failover -- [--kills 100] [--handovers 20] [--freezes 10] [--cuts 3] [--p50-ms 500] [--p99-ms 1500] [--root <folder>] [--document]

Links are cut where network namespaces can be used (Linux, root).`;

interface Values {
  readonly kills?: string;
  readonly handovers?: string;
  readonly freezes?: string;
  readonly cuts?: string;
  readonly 'p50-ms'?: string;
  readonly 'p99-ms'?: string;
  readonly root?: string;
  readonly document?: boolean;
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      kills: text,
      handovers: text,
      freezes: text,
      cuts: text,
      'p50-ms': text,
      'p99-ms': text,
      root: text,
      document: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 2;
  }
  const isWanted = values.cuts !== '0';
  return await inOwnNetwork({ isWanted, notice: (line) => console.log(line) }, (network) =>
    run(network, values),
  );
}

async function run(network: Network, values: Values): Promise<number> {
  return await verify('failover', values.document === true, (place) =>
    runFailover({
      ...place,
      kills: Number(values.kills ?? 100),
      handovers: Number(values.handovers ?? 20),
      freezes: Number(values.freezes ?? 10),
      cuts: Number(values.cuts ?? 3),
      p50Ms: Number(values['p50-ms'] ?? 500),
      p99Ms: Number(values['p99-ms'] ?? 1_500),
      root: resolve(values.root ?? WORKSPACE),
      network,
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
