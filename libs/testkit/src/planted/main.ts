/* eslint-disable no-console -- a command line program */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { SIMULATED_BUGS } from './bugs';
import { describeHunt, TABLE } from './document';
import type { Hunted } from './document';
import { hunt, PlantedCopy } from './hunt';

const SEEDS_MAX = 1000;
const USAGE = `Puts known mistakes into a copy of the library's sources, one at a time, and runs simulated seeds until one is found out.

  npm run verify:simulated-bugs -- [--only <name>] [--seeds ${SEEDS_MAX}]

Without --only the table in ${TABLE} is written anew.`;

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');

async function huntAll(only: string | undefined, seedsMax: number): Promise<Hunted[]> {
  const hunted: Hunted[] = [];
  for (const bug of SIMULATED_BUGS) {
    if (only !== undefined && bug.name !== only) continue;
    const startedMs = performance.now();
    const caught = await hunt(WORKSPACE, bug, seedsMax);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    hunted.push({ bug, caught });
    const where =
      caught === undefined
        ? ''
        : ` seed ${caught.seed}, ${caught.nodes} servers: ${caught.finding}`;
    console.log(`${where === '' ? 'MISSED' : 'found '}  ${bug.name} (${seconds} s)${where}`);
  }
  return hunted;
}

/** A check that fails anyway finds every bug: what found one must pass without it. */
async function provesInnocence(hunted: readonly Hunted[]): Promise<boolean> {
  const copy = new PlantedCopy(WORKSPACE);
  let passed = true;
  const runs = new Set<string>();
  for (const { caught } of hunted) if (caught) runs.add(`${caught.seed}/${caught.nodes}`);
  for (const run of runs) {
    const [seed, nodes] = run.split('/').map(Number) as [number, number];
    const failed = await copy.run(seed, nodes);
    if (failed === undefined) continue;
    passed = false;
    console.log(`seed ${seed} with ${nodes} servers fails without a bug: ${failed.finding}`);
  }
  return passed;
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { only: text, seeds: text, help: { type: 'boolean' } },
  });
  const { only } = values;
  if (
    values.help === true ||
    (only !== undefined && !SIMULATED_BUGS.some((b) => b.name === only))
  ) {
    console.log(USAGE);
    return 2;
  }
  const seedsMax = Number(values.seeds ?? SEEDS_MAX);
  const hunted = await huntAll(only, seedsMax);
  const missed = hunted.filter(({ caught }) => caught === undefined).length;
  const innocent = await provesInnocence(hunted);
  console.log(`${hunted.length - missed} of ${hunted.length} planted bugs found`);
  if (only === undefined) {
    const path = join(WORKSPACE, TABLE);
    const options = { ...(await resolveConfig(path)), filepath: path };
    writeFileSync(path, await format(describeHunt(hunted, seedsMax), options));
  }
  return missed === 0 && innocent ? 0 : 1;
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
