import { type Measurement, measureByTurns } from './measure/contender';
import { MachineShare } from './measure/machine-share';
import { installPeers } from './peers';
import { writeDocument } from './report/document';
import { describeEnvironment } from './report/environment';
import { summarizeProfiles } from './report/profile';
import { asText, significant, tableOf } from './report/table';
import type { Suite } from './suites/suite';
import { BenchError } from './bench-error';
import type { Workbench } from './workbench';

const ROUNDS = 2;
const WARM_UP_SHARE = 0.4;

/** Beyond this a table comes with a warning. */
const OTHERS_SHARE_MAX = 0.1;

/** What the command line says. */
export interface BenchFlags {
  /** Measured load for each contender and level. */
  readonly seconds: number;
  readonly inFlight?: readonly number[];
  readonly only?: readonly string[];
  readonly document: boolean;
  readonly profile?: string;
}

/** Runs a suite and yields what it has found as text; writes it down where that is wanted and everything was measured. */
export async function runSuite(suite: Suite, bench: Workbench, flags: BenchFlags): Promise<string> {
  await installPeers(suite.programs, bench.say);
  const facts = await describeEnvironment(bench.root, bench.directory, suite.programs);
  bench.say('starting the servers');
  const all = await suite.prepare(bench);
  const contenders = all.filter(({ name }) => flags.only?.includes(name) ?? true);
  if (contenders.length === 0) {
    throw new BenchError(
      `there is none of these; there are ${all.map((it) => it.name).join(', ')}`,
    );
  }
  const { seconds } = flags;
  const plan = { seconds, warmUpSeconds: seconds * WARM_UP_SHARE, rounds: ROUNDS };
  const levels = flags.inFlight ?? suite.levels;
  const machine = new MachineShare();
  let warmAt = 0n;
  const measurements = await measureByTurns(contenders, levels, plan, bench.say, () => {
    warmAt = process.hrtime.bigint();
  });
  const supplements =
    (await suite.supplement?.({ contenders, measurements, seconds, say: bench.say })) ?? [];
  const environment = [...facts, describeOthers(machine.othersShare())];
  const table = tableOf(measurements, suite.baseline);
  const targets = judge(suite, measurements);
  const whole = levels === suite.levels && contenders.length === all.length;
  const more = supplements.map(({ title, table: further }) => `${title}\n\n${asText(further)}`);
  const parts = [suite.title, asText(table), ...more, targets.join('\n'), environment.join('\n')];
  if (whole && flags.document && bench.profileDirectory === undefined) {
    const findings = { suite, table, supplements, environment, targets, secondsPerLevel: seconds };
    parts.push(`written to ${await writeDocument(bench.root, findings)}`);
  }
  // Profiles are written when the processes end.
  await bench.stop();
  if (bench.profileDirectory !== undefined) {
    parts.push(await summarizeProfiles(bench.profileDirectory, bench.root, warmAt));
  }
  return `${parts.join('\n\n')}\n`;
}

function describeOthers(share: number): string {
  const fact = `other processes took ${Math.round(share * 100)} % of the processors meanwhile`;
  if (share < OTHERS_SHARE_MAX) return fact;
  return `**the machine was busy**: ${fact}, so that operations a second and latencies say little; CPU/op and syncs/op still count`;
}

/** Says of each target whether it was reached, as far as what it needs was measured. */
function judge(suite: Suite, measurements: readonly Measurement[]): string[] {
  return suite.targets.flatMap(({ text, score }) => {
    try {
      const reached = score((contender, inFlight) => {
        const found = measurements.find(
          (it) => it.contender === contender && it.inFlight === inFlight,
        );
        if (found === undefined) throw new NotMeasured();
        return found;
      });
      const verdict = reached >= 1 ? 'reached' : 'missed';
      return [`Target: ${text}: ${verdict} (${significant(reached)} of it)`];
    } catch (error) {
      if (error instanceof NotMeasured) return [];
      throw error;
    }
  });
}

class NotMeasured extends Error {}
