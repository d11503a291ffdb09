import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readBackup } from '@raftway/raft';
import { CommandError } from '../command/command-error';
import { describe } from '../command/describe';
import { CALL_EXIT_CODES, ExitCode } from '../command/exit-code';
import { expectingFileErrors } from '../command/expecting-file-errors';
import { toJson } from '../command/json';
import type { Output } from '../command/output';
import { addressList, wholeNumber } from '../command/parsers';
import { reporting } from '../command/reporting';
import { addTargetOptions, findTargets, type TargetFlags } from '../suite/target-options';
import { backupToJson, compactTime, describeBackup, describeSaved } from './render';
import { type Saved, saveBackup } from './save';

interface BackupFlags extends TargetFlags {
  readonly server?: readonly string[];
  readonly out?: string;
  readonly outDir?: string;
  readonly service?: string;
  readonly timeout: number;
  readonly json: boolean;
}

/** `raftway backup`, and `raftway backup inspect`. */
export function addBackup(parent: Command, output: Output, root: string): void {
  const command = addTargetOptions(parent.command('backup'), root)
    .option('-s, --server <host:port,…>', 'client addresses of replicas of one group', addressList)
    .option('-o, --out <file>', 'where the backup of that group goes; it must not be there yet')
    .option('--service <name>', 'refuse the backup of any other service')
    .option('--out-dir <directory>', 'back up every group of a suite, into a file each')
    .option('--timeout <seconds>', 'how long one backup may take', wholeNumber(1, 86_400), 600)
    .option('--json', 'print what was saved as JSON', false)
    .action((flags: BackupFlags) =>
      reporting(output, flags.json, () => backup(flags, output, root)),
    );
  describe(command, {
    summary: 'save the state of a Raft group, or of all of a suite, while it works',
    details: [
      'A backup has everything that was acknowledged before the command began, at one index of the log. Any replica gives it; nothing is held up meanwhile.',
      'The file is checked as it comes and gets its name when it is whole and on the disk.',
    ],
    examples: [
      ['raftway backup --server 127.0.0.1:20071 --out lock-service.backup', 'one group'],
      ['raftway backup --out-dir backups', 'every group of the suite on this machine'],
      [
        'raftway backup --out-dir backups --registry registry.example:50061',
        'of a suite elsewhere, as its registry knows it',
      ],
      ['raftway backup inspect lock-service.backup', 'check a file, and say what it is'],
    ],
    exitCodes: CALL_EXIT_CODES,
  });
  addInspect(command, output);
}

function addInspect(parent: Command, output: Output): void {
  const command = parent
    .command('inspect')
    .argument('<file>', 'a backup')
    .option('--json', 'print JSON', false)
    .action((file: string, _flags: unknown, self: Command) => {
      // `--json` of the parent, too: commander gives it to whichever comes first.
      const { json } = self.optsWithGlobals<{ readonly json: boolean }>();
      return reporting(output, json, async () => {
        const summary = await expectingFileErrors(() => readBackup(file));
        output.out(json ? toJson(backupToJson(summary)) : describeBackup(file, summary));
      });
    });
  describe(command, {
    summary: 'check a backup, all of it, and say what it is; needs no server',
    examples: [['raftway backup inspect lock-service.backup', 'before it is needed']],
    exitCodes: [ExitCode.done, ExitCode.failed, ExitCode.usage],
  });
}

async function backup(flags: BackupFlags, output: Output, root: string): Promise<void> {
  const { server, out, outDir, json } = flags;
  const isOne = server !== undefined && out !== undefined && outDir === undefined;
  const isAll = server === undefined && out === undefined && outDir !== undefined;
  if (!isOne && !isAll) {
    const text =
      'name one group with --server and --out, or a directory for all groups with --out-dir';
    throw new CommandError(ExitCode.usage, text);
  }
  const saved = isOne
    ? [await save(flags, output, server, out, flags.service)]
    : await backupAll(flags, output, root, outDir as string);
  if (!json) return;
  const report = saved.map((one) => ({ ...backupToJson(one.summary), file: one.file }));
  output.out(toJson(isOne ? report[0] : report));
}

async function save(
  { timeout, json }: BackupFlags,
  output: Output,
  servers: readonly string[],
  file: string,
  service: string | undefined,
): Promise<Saved> {
  const saved = await saveBackup({
    ...{ servers, file, service, timeoutMs: timeout * 1000 },
    onProgress: (server, bytes) => {
      output.error(`${server}: ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
    },
  });
  if (!json) output.out(describeSaved(saved.server, file, saved.summary));
  return saved;
}

/** One group after the other; the first that fails ends it, and what was saved before stays. */
async function backupAll(
  flags: BackupFlags,
  output: Output,
  root: string,
  outDir: string,
): Promise<Saved[]> {
  const { groups } = await findTargets(flags, root);
  const wanted = groups.filter(({ name }) => flags.service === undefined || name === flags.service);
  if (wanted.length === 0) {
    throw new CommandError(ExitCode.unavailable, 'no group was found that could be backed up');
  }
  await expectingFileErrors(() => mkdir(outDir, { recursive: true }));
  const time = compactTime(Date.now());
  const saved: Saved[] = [];
  for (const { name, replicas } of wanted) {
    const file = join(outDir, `${name}-${time}.backup`);
    const addresses = replicas.map(({ address }) => address);
    saved.push(await save(flags, output, addresses, file, name));
  }
  return saved;
}
