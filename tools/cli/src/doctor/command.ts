import { resolve } from 'node:path';
import type { Command } from 'commander';
import { suiteVersion } from '@raftway/service-kit';
import { describe } from '../command/describe';
import { ExitCode } from '../command/exit-code';
import { toJson } from '../command/json';
import type { Output } from '../command/output';
import { reporting } from '../command/reporting';
import { styleFor } from '../command/style';
import { assessSuite } from '../suite/assess-suite';
import { observe } from '../suite/observe';
import { addTargetOptions, findTargets, isLocal, type TargetFlags } from '../suite/target-options';
import { localProcesses, targetsOf } from '../suite/targets';
import { type Check, diagnose } from './diagnose';
import { gather } from './gather';
import { renderChecks } from './render';

type DoctorFlags = TargetFlags & { readonly json: boolean };

/** `raftway doctor`: what is wrong with a suite and with the machine under it, and how to mend it. */
export function addDoctor(parent: Command, output: Output, root: string): void {
  const command = addTargetOptions(parent.command('doctor'), root)
    .option('--json', 'print JSON', false)
    .action((flags: DoctorFlags) =>
      reporting(output, flags.json, async () => {
        const checks = await examine(flags, root);
        const style = styleFor(output.hasColors);
        output.out(flags.json ? toJson({ checks }) : renderChecks(checks, style));
        return exitCodeFor(checks);
      }),
    );
  describe(command, {
    summary: 'look for what is wrong with a suite and the machine under it, and say how to mend it',
    details: [
      'It looks at groups and gateway as status does, at processes, ports, data directories, disks and open files of a suite on this machine, and at clocks and versions. It changes nothing.',
    ],
    examples: [
      ['raftway doctor', 'the suite that npm start runs on this machine'],
      ['raftway doctor --registry registry.example:50061', 'groups, clocks and versions elsewhere'],
    ],
    exitCodes: [ExitCode.done, ExitCode.failed, ExitCode.warned, ExitCode.usage],
  });
}

async function examine(flags: DoctorFlags, root: string): Promise<readonly Check[]> {
  if (!isLocal(flags)) {
    const suite = assessSuite(await observe(await findTargets(flags, root)));
    return diagnose(suite, undefined, suiteVersion());
  }
  const { portOffset } = flags;
  const processes = localProcesses({ root, dataDir: resolve(flags.dataDir), portOffset });
  const [observation, machine] = await Promise.all([
    observe(targetsOf(processes)),
    gather(processes),
  ]);
  return diagnose(assessSuite(observation), machine, suiteVersion());
}

/** The worst finding; notes are none. */
function exitCodeFor(checks: readonly Check[]): ExitCode {
  const severities = checks.flatMap(({ problems }) => problems.map(({ severity }) => severity));
  if (severities.includes('error')) return ExitCode.failed;
  return severities.includes('warning') ? ExitCode.warned : ExitCode.done;
}
