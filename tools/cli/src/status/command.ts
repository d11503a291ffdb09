import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { describe } from '../command/describe';
import { ExitCode } from '../command/exit-code';
import { toJson, toJsonLine } from '../command/json';
import type { Output } from '../command/output';
import { duration } from '../command/parsers';
import { reporting } from '../command/reporting';
import { styleFor } from '../command/style';
import { assessSuite, type SuiteAssessment } from '../suite/assess-suite';
import { observe } from '../suite/observe';
import { addTargetOptions, findTargets, type TargetFlags } from '../suite/target-options';
import { renderStatus } from './render';

interface StatusFlags extends TargetFlags {
  readonly watch: boolean;
  readonly interval: number;
  readonly json: boolean;
}

/** Cursor to the top left; the rest of each line, then of the screen away. Less flicker than clearing first. */
const HOME = '\u001B[H';
const ERASE_LINE = '\u001B[K';
const ERASE_BELOW = '\u001B[J';

/** `raftway status`: the whole suite on one screen. */
export function addStatus(parent: Command, output: Output, root: string): void {
  const command = addTargetOptions(parent.command('status'), root)
    .option('-w, --watch', 'show it again and again, until Ctrl-C', false)
    .addOption(
      new Option('--interval <duration>', 'between two looks')
        .argParser(duration(200, 3_600_000))
        .default(2000, '2s'),
    )
    .option('--json', 'print one JSON object, with --watch one a line', false)
    .action((flags: StatusFlags) =>
      reporting(output, flags.json, () => status(flags, output, root)),
    );
  describe(command, {
    summary: 'show every group and the gateway on one screen, and say what is wrong',
    details: [
      'It asks each replica for its own picture, so that it works without a leader, too. Whoever does not answer within 2 s is shown as such.',
      'BEHIND counts the entries that the leader has committed and a replica has not applied.',
    ],
    examples: [
      ['raftway status', 'the suite that npm start runs on this machine'],
      ['raftway status --watch', 'the same, kept up to date'],
      [
        'raftway status --registry registry.example:50061 --gateway gateway.example:8080',
        'a suite elsewhere, as its registry knows it',
      ],
      [
        'raftway status --group lock-service=10.0.0.1:50071,10.0.0.2:50071',
        'one group, also when the registry is down',
      ],
    ],
    exitCodes: [ExitCode.done, ExitCode.failed, ExitCode.usage, ExitCode.unavailable],
  });
}

async function status(flags: StatusFlags, output: Output, root: string): Promise<ExitCode> {
  const style = styleFor(output.hasColors);
  const look = async (): Promise<SuiteAssessment> =>
    assessSuite(await observe(await findTargets(flags, root)));
  if (!flags.watch) {
    const suite = await look();
    output.out(flags.json ? toJson(suite) : renderStatus(suite, style));
    return exitCodeFor(suite);
  }
  // Ends with Ctrl-C.
  for (;;) {
    const suite = await look();
    const screen = `${new Date().toISOString()}\n\n${renderStatus(suite, style)}\n`;
    if (flags.json) output.out(toJsonLine(suite));
    else output.out(output.isTerminal ? redrawn(screen) : screen);
    await delay(flags.interval);
  }
}

function redrawn(screen: string): string {
  return `${HOME}${screen.replaceAll('\n', `${ERASE_LINE}\n`)}${ERASE_BELOW}`;
}

function exitCodeFor({ problems, isReached }: SuiteAssessment): ExitCode {
  if (!isReached) return ExitCode.unavailable;
  return problems.some(({ severity }) => severity !== 'note') ? ExitCode.failed : ExitCode.done;
}
