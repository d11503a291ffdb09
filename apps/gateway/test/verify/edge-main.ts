/* eslint-disable no-console -- a command line program */
import { parseArgs } from 'node:util';
import { until } from './built-app';
import { EdgeLoad } from './edge-load';
import { EdgeStage } from './edge-stage';

const USAGE = `Two gateways behind a balancer, three greeters and a registry, each a process, under load of unary calls and open streams, while a route is changed,
instances are restarted and all gateways are replaced: no call may fail.

  npm run verify:edge -- [--changes 1000] [--restarts 100] [--rolls 20]

  --changes <n>    changes of the route, each until a call is answered by it
  --restarts <n>   restarts of an instance
  --rolls <n>      rolling restarts of both gateways`;

const unaryClients = 4;
const streamClients = 6;

interface Plan {
  readonly changes: number;
  readonly restarts: number;
  readonly rolls: number;
}

async function run(stage: EdgeStage, { changes, restarts, rolls }: Plan): Promise<boolean> {
  await stage.start();
  const load = new EdgeLoad(stage.address);
  try {
    await until('calls are answered', async () => (await load.version()) === 0);
    load.start(unaryClients, streamClients);
    const startedAt = performance.now();
    // Each at its own pace, all at the same time.
    await Promise.all([
      repeat(changes, 'changes of the route', async (number) => {
        stage.writeRoute(number);
        await until('a change is seen', async () => (await load.version()) === number);
      }),
      repeat(restarts, 'restarts of an instance', (number) => stage.restartInstance(number)),
      repeat(rolls, 'rolling restarts of the gateways', () => stage.rollGateways()),
    ]);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    await load.stop();
    const failed = [...load.failures.values()].reduce((sum, count) => sum + count, 0);
    console.log(
      `in ${seconds} s: ${load.unary} unary calls and ${load.streams} streams, ${failed} failed`,
    );
    for (const [what, count] of load.failures) console.log(`  ${count}  ${what}`);
    for (const end of stage.badEnds) console.log(`  ${end}`);
    const isGood = failed === 0 && stage.badEnds.length === 0 && load.streams > 0;
    console.log(isGood ? 'PASSED' : 'FAILED');
    return isGood;
  } finally {
    await load.stop();
  }
}

/** Does something so often, one after the other, from 1. */
async function repeat(
  count: number,
  what: string,
  action: (number: number) => Promise<void>,
): Promise<void> {
  for (let number = 1; number <= count; number += 1) await action(number);
  console.log(`${count} ${what}`);
}

function planOf(): Plan | undefined {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ options: { changes: text, restarts: text, rolls: text } });
    const number = (name: keyof typeof values, preset: number): number => {
      const value = Number(values[name] ?? preset);
      if (!Number.isSafeInteger(value) || value < 1)
        throw new RangeError(`--${name} is no positive whole number`);
      return value;
    };
    return {
      changes: number('changes', 1000),
      restarts: number('restarts', 100),
      rolls: number('rolls', 20),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

async function main(): Promise<void> {
  const plan = planOf();
  if (plan === undefined) {
    console.error(USAGE);
    process.exitCode = 64;
    return;
  }
  const stage = new EdgeStage();
  try {
    process.exitCode = (await run(stage, plan)) ? 0 : 1;
  } finally {
    await stage.stop();
  }
}

void main();
