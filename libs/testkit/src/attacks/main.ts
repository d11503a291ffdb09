/* eslint-disable no-console -- a command line program */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { verify, WORKSPACE } from '../chaos/verification';
import { chooseAttacks, runAttacks } from './attack-run';
import { LIMITS } from './verdict';

const USAGE = `Attacks a gateway of its own, from clients and from an instance, beside good traffic in a process of its own.

  npm run verify:attacks -- [--seconds 30] [--only rapid-reset,instance-ping] [--together 1] [--latency-is-told] [--root <folder>] [--document]

  --seconds <n>       how long each class attacks (default 30)
  --only <names>      these classes, separated by commas (default all; --list names them)
  --together <n>      so many classes at the same time, which is quicker and says less (default 1)
  --latency-is-told   how long good calls take is told and not judged: on a machine that does other things
  --root <folder>     where apps/<service>/dist/main.js are (default: this workspace)
  --document          put the table into docs/reference/verification.md, too
  --list              the classes

Judged for each: the gateway lives, no good call fails, its memory grows by ${LIMITS.growthBytesMax / 1024 / 1024} MiB at most,
and the p99 of good calls is at most ${LIMITS.slowdownMax} times what it was just before.`;

function parseArguments() {
  const text = { type: 'string' } as const;
  const isSet = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      seconds: text,
      only: text,
      together: text,
      root: text,
      'latency-is-told': isSet,
      document: isSet,
      list: isSet,
      help: isSet,
    },
  });
  const positive = (name: 'seconds' | 'together', fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (value > 0 && (name === 'seconds' || Number.isInteger(value))) return value;
    throw new RangeError(`--${name} takes a positive number, not ${values[name]}`);
  };
  return {
    ...values,
    durationMs: 1000 * positive('seconds', 30),
    together: positive('together', 1),
    only: values.only?.split(',') ?? [],
  };
}

async function main(): Promise<number> {
  const values = parseArguments();
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const attacks = chooseAttacks(values.only);
  if (values.list === true) {
    for (const { name, what } of attacks) console.log(`${name.padEnd(30)} ${what}`);
    return 0;
  }
  return await verify('attacks', values.document === true, async (place) => {
    place.report(`${attacks.length} classes, ${values.durationMs / 1000} s each`);
    return await runAttacks({
      ...place,
      root: resolve(values.root ?? WORKSPACE),
      durationMs: values.durationMs,
      together: values.together,
      only: values.only,
      judgesLatency: values['latency-is-told'] !== true,
    });
  });
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
