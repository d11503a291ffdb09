/* eslint-disable no-console -- a command line program */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { documentRun, summarize } from '@raftway/testkit';
import { render } from '../render/render';
import { K8S } from '../support/manifests';
import { Cluster } from './cluster';
import { eventually } from './eventually';
import { restartEverything, type Round } from './rolling-restart';
import { Traffic } from './traffic';

const USAGE = `Starts the suite of k8s/overlays/local as processes, and replaces every pod under load as Kubernetes does, again and again.

  npm run verify:rolling-restart -- --rounds 4

  --rounds <n>   how often everything is replaced, all workloads at the same time and one after the other in turn (default 4)
  --seed <n>     what the clients do (default 1)
  --document     put the result into docs/reference/verification.md, too`;

const WORKSPACE = path.join(K8S, '..');
const START_TIMEOUT_MS = 90_000;

interface Arguments {
  readonly rounds: number;
  readonly seed: number;
  readonly document: boolean;
}

function parseArguments(): Arguments | undefined {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      options: { rounds: text, seed: text, document: { type: 'boolean' } },
    });
    const { rounds = '4', seed = '1', document = false } = values;
    for (const value of [rounds, seed]) {
      if (!/^[1-9]\d*$/.test(value)) throw new RangeError(`${value} is no positive whole number`);
    }
    return { rounds: Number(rounds), seed: Number(seed), document };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

async function run({ rounds, seed, document }: Arguments, cluster: Cluster): Promise<boolean> {
  const lines: string[] = [];
  const report = (line: string): void => {
    lines.push(line);
    console.log(line);
  };
  await cluster.ready(START_TIMEOUT_MS);
  await cluster.known(START_TIMEOUT_MS);
  const traffic = new Traffic(cluster.addressOf('gateway'), seed);
  try {
    const startedAt = performance.now();
    traffic.start();
    await eventually('everything is called', START_TIMEOUT_MS, () => traffic.hasAnswered(10));
    const replaced = new Map<string, number>();
    let failed = 0;
    for (let number = 1; number <= rounds; number += 1) {
      const together = number % 2 === 1;
      const round = await restartEverything(cluster, traffic, together);
      failed += describeRound(round, number, together, report);
      for (const { workload } of round.replaced) {
        const fault = `replace a pod of ${workload}`;
        replaced.set(fault, 1 + (replaced.get(fault) ?? 0));
      }
    }
    const { history } = traffic;
    const verdicts = await traffic.judge();
    const durationMs = performance.now() - startedAt;
    report('');
    for (const line of summarize({ seed, durationMs, history, faults: replaced, verdicts })) {
      report(line);
    }
    const passed = failed === 0 && verdicts.every(({ verdict }) => verdict === 'holds');
    report('');
    report(passed ? 'PASSED' : 'FAILED');
    if (document) documentRun(WORKSPACE, 'rolling-restart', lines);
    return passed;
  } finally {
    traffic.close();
  }
}

/** @returns how much went wrong in it */
function describeRound(
  { replaced, durationMs, failures, findings }: Round,
  number: number,
  together: boolean,
  report: (line: string) => void,
): number {
  const how = together ? 'all workloads at the same time' : 'one workload after the other';
  const seconds = (durationMs / 1000).toFixed(0);
  const forced = replaced.filter(({ ending }) => ending?.code !== 0);
  const failed = [...failures.values()].reduce((sum, count) => sum + count, 0);
  report(
    `round ${number}, ${how}: ${replaced.length} pods in ${seconds} s, ${failed} unary calls failed`,
  );
  for (const [what, count] of failures) report(`  ${count}  ${what}`);
  for (const finding of findings) report(`  ${finding}`);
  for (const { pod, ending } of forced) {
    report(`  ${pod} ended with ${ending?.signal ?? `status ${ending?.code}`}`);
  }
  return failed + findings.length + forced.length;
}

async function main(): Promise<number> {
  const parsed = parseArguments();
  if (parsed === undefined) {
    console.error(USAGE);
    return 2;
  }
  const cluster = await Cluster.start(render(path.join(K8S, 'overlays', 'local')));
  try {
    return (await run(parsed, cluster)) ? 0 : 1;
  } finally {
    await cluster.dispose();
  }
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
