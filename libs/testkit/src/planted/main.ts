/* eslint-disable no-console -- a command line program */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import type { SimulatedBug } from './bug';
import { SIMULATED_BUGS } from './bugs';
import { SEEN_BY_CLIENTS } from './bugs/seen-by-clients';
import { MISSED_BUGS } from './bugs/missed';
import { describeHunt, TABLE } from './document';
import type { Hunted } from './document';
import { hunt, huntBlindly, PlantedCopy } from './hunt';
import type { Catch } from './hunt';

const SEEDS_MAX = 1000;
/** What clients alone must see. */
const SEEN_SEEDS = 200;
/** What is not found is looked for less long: it costs all of its seeds every time. */
const MISSED_SEEDS = 100;
const USAGE = `Puts known mistakes into a copy of the library's sources, one at a time, and runs simulated seeds until one is found out.

  npm run verify:simulated-bugs -- [--only <name>] [--seeds ${SEEDS_MAX}]

Without --only the table in ${TABLE} is written anew.`;

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');

async function huntAll(
  bugs: readonly SimulatedBug[],
  seedsMax: number,
  hunter: typeof hunt = hunt,
): Promise<Hunted[]> {
  const hunted: Hunted[] = [];
  for (const bug of bugs) {
    const startedMs = performance.now();
    const caught = await hunter(WORKSPACE, bug, seedsMax);
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
  const runs = new Map<string, Catch>();
  for (const { caught } of hunted) {
    if (caught === undefined) continue;
    const { seed, nodes, changesMembers, leases } = caught;
    runs.set([seed, nodes, changesMembers, leases].join('/'), caught);
  }
  for (const run of runs.values()) {
    const failed = await copy.run(run);
    if (failed === undefined) continue;
    passed = false;
    console.log(
      `seed ${run.seed} with ${run.nodes} servers fails without a bug: ${failed.finding}`,
    );
  }
  return passed;
}

function bugsSeenByClients(): readonly SimulatedBug[] {
  return SIMULATED_BUGS.filter(({ name }) => SEEN_BY_CLIENTS.includes(name));
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { only: text, seeds: text, help: { type: 'boolean' } },
  });
  const { only } = values;
  const chosen = [...SIMULATED_BUGS, ...MISSED_BUGS].filter(({ name }) => name === only);
  if (values.help === true || (only !== undefined && chosen.length === 0)) {
    console.log(USAGE);
    return 2;
  }
  const seedsMax = Number(values.seeds ?? SEEDS_MAX);
  const hunted = await huntAll(only === undefined ? SIMULATED_BUGS : chosen, seedsMax);
  const seen =
    only === undefined ? await huntAll(bugsSeenByClients(), SEEN_SEEDS, huntBlindly) : [];
  const missed = [...hunted, ...seen].filter(({ caught }) => caught === undefined).length;
  const innocent = await provesInnocence(hunted);
  const all = hunted.length + seen.length;
  console.log(`${all - missed} of ${all} planted bugs found`);
  if (only === undefined) {
    const news = (await huntAll(MISSED_BUGS, MISSED_SEEDS)).filter(
      ({ caught }) => caught !== undefined,
    );
    for (const { bug } of news) console.log(`${bug.name} is found now: it belongs to the others`);
    const path = join(WORKSPACE, TABLE);
    const options = { ...(await resolveConfig(path)), filepath: path };
    writeFileSync(
      path,
      await format(describeHunt(hunted, seen, seedsMax, MISSED_BUGS, MISSED_SEEDS), options),
    );
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
