import { resolve } from 'node:path';
import type { Command } from 'commander';
import { peers } from '@raftway/config';
import { readBackup, restoreGroup } from '@raftway/raft';
import { CommandError } from '../command/command-error';
import { describe } from '../command/describe';
import { ExitCode } from '../command/exit-code';
import { expectingFileErrors } from '../command/expecting-file-errors';
import { toJson } from '../command/json';
import type { Output } from '../command/output';
import { directoryList, InvalidArgumentError, wholeNumber } from '../command/parsers';
import { reporting } from '../command/reporting';
import { backupToJson, compactTime, describeRestored } from './render';

interface RestoreFlags {
  readonly from: string;
  readonly peers: ReadonlyMap<number, string>;
  readonly dataDir: readonly string[];
  readonly clusterId?: string;
  readonly indexGap: number;
  readonly sequenceGap: number;
  readonly json: boolean;
}

/** More entries than a group writes in years: 30,000 a second for a year. */
const INDEX_GAP_DEFAULT = 1_000_000_000_000;
/** Twice that still fits 32 bits, for those who count so. */
const SEQUENCE_GAP_DEFAULT = 1_000_000_000;
const CLUSTER_ID_CHARACTERS_MAX = 64;

/** `raftway restore`: a new group from a backup. */
export function addRestore(parent: Command, output: Output): void {
  const command = parent
    .command('restore')
    .requiredOption('-f, --from <file>', 'a backup')
    .requiredOption(
      '--peers <id=host:port,…>',
      'the voters of the new group with their peer addresses, as in RAFTWAY_PEERS',
      peerList,
    )
    .requiredOption(
      '--data-dir <directory,…>',
      'their data directories, in the same order; each is empty or not there',
      directoryList,
    )
    .option('--cluster-id <id>', 'of the new group. Default: the service and the time', clusterId)
    .option(
      '--index-gap <n>',
      'more entries than the old group wrote after the backup: fencing tokens, lease ids and revisions go on above',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
      INDEX_GAP_DEFAULT,
    )
    .option(
      '--sequence-gap <n>',
      'more numbers than were taken of any sequence after the backup: they are left out',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
      SEQUENCE_GAP_DEFAULT,
    )
    .option('--json', 'print what was made as JSON', false)
    .action((flags: RestoreFlags) => reporting(output, flags.json, () => restore(flags, output)));
  describe(command, {
    summary: 'make the data directories of a new group from a backup; needs no server',
    details: [
      'The new group has another cluster id, so that replicas of the old one can never take part in it. Stop all of those first: their clients would go on with them.',
      'What was acknowledged after the backup is lost, and nothing that was handed out is handed out again: sessions and locks have ended, fencing tokens, ids and sequences go on above.',
    ],
    examples: [
      [
        'raftway restore --from lock-service.backup --peers 1=127.0.0.1:21071 --data-dir .raftway/lock-service-1',
        'a group of one; for three, name three peers and three directories',
      ],
    ],
    exitCodes: [ExitCode.done, ExitCode.failed, ExitCode.usage],
  });
}

async function restore(flags: RestoreFlags, output: Output): Promise<void> {
  const { from: file, peers: addresses, dataDir, indexGap, json } = flags;
  if (dataDir.length !== addresses.size) {
    const text = `${addresses.size} peers need as many directories, --data-dir names ${dataDir.length}`;
    throw new CommandError(ExitCode.usage, text);
  }
  if (new Set(dataDir.map((one) => resolve(one))).size < dataDir.length) {
    throw new CommandError(ExitCode.usage, '--data-dir names a directory twice');
  }
  const restoredAtMs = Date.now();
  const members = [...addresses].map(([id, address], at) => {
    return { id, address, directory: resolve(dataDir[at] as string) };
  });
  const restored = await expectingFileErrors(async () => {
    return await restoreGroup({
      ...{ file, members, indexGap, restoredAtMs, sequenceGap: BigInt(flags.sequenceGap) },
      clusterId: flags.clusterId ?? (await newClusterId(file, restoredAtMs)),
    });
  });
  const { backup, ...rest } = restored;
  const report = { ...rest, directories: members.map(({ directory }) => directory) };
  output.out(
    json
      ? toJson({ ...report, backup: backupToJson(backup) })
      : describeRestored(restored, report.directories),
  );
}

/** The service and the time: only for its sake is the backup read once more. */
async function newClusterId(file: string, restoredAtMs: number): Promise<string> {
  const { service } = await readBackup(file);
  return `${service}-${compactTime(restoredAtMs)}`;
}

function peerList(text: string): ReadonlyMap<number, string> {
  const parsed = peers().safeParse(text);
  if (!parsed.success) {
    throw new InvalidArgumentError(parsed.error.issues.map(({ message }) => message).join('; '));
  }
  return parsed.data;
}

function clusterId(text: string): string {
  if (text === '' || text.length > CLUSTER_ID_CHARACTERS_MAX) {
    throw new InvalidArgumentError(`it has 1 to ${CLUSTER_ID_CHARACTERS_MAX} characters.`);
  }
  return text;
}
