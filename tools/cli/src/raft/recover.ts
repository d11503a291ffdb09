import { type DirectoryReport, inspectDirectory, recoverGroup } from '@raftway/raft';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';
import { expectingFileErrors } from '../command/expecting-file-errors';

/** What `raftway raft recover` is told, and whom it asks. */
export interface RecoverOptions {
  readonly directory: string;
  /** Directories of other replicas that are left, to compare with. */
  readonly others: readonly string[];
  /** "host:port" of its peer endpoint from now on; undefined for the one in its log. */
  readonly address: string | undefined;
  /** The operator has accepted the loss on the command line: nobody is asked. */
  readonly isAccepted: boolean;
  readonly out: (text: string) => void;
  /** Yields what the operator typed. */
  readonly ask: (question: string) => Promise<string>;
}

/**
 * Makes a stopped replica's directory into a group of one, after it has said what may be lost and the operator has typed the cluster's id.
 *
 * @throws CommandError `failed` when the directory cannot be used, another one has more, or the operator did not confirm: nothing was changed.
 */
export async function recover(options: RecoverOptions): Promise<void> {
  const report = await expectingFileErrors(() => inspectDirectory(options.directory));
  const others: DirectoryReport[] = [];
  for (const directory of options.others) {
    others.push(await expectingFileErrors(() => inspectDirectory(directory)));
  }
  options.out(describeLoss(report, others));
  const better = others.find((other) => isAhead(other, report));
  if (better !== undefined) {
    throw refused(`${better.directory} has more than ${report.directory}: recover that one`);
  }
  if (!options.isAccepted) {
    const typed = await options.ask(
      `Type the cluster's id, "${report.clusterId}", to accept this loss: `,
    );
    if (typed.trim() !== report.clusterId) {
      throw refused('not confirmed, nothing was changed');
    }
  }
  const recovered = await expectingFileErrors(() =>
    recoverGroup(options.directory, { address: options.address }),
  );
  options.out(
    [
      `Server ${report.nodeId} is a group of its own since index ${recovered.configurationIndex}, term ${recovered.term}. Start it now.`,
      `Refused from now on: ${recovered.leftBehind.join(', ') || 'nobody'}. Add servers with empty directories under new ids: raftway raft add.`,
    ].join('\n'),
  );
}

/** What a directory holds, and what that means for what will be lost. */
export function describeLoss(report: DirectoryReport, others: readonly DirectoryReport[]): string {
  const voters = report.members.filter(({ voter }) => voter);
  const uncommitted = report.lastIndex - report.commitIndex;
  const lines = [
    describe(report),
    ...others.map(describe),
    '',
    `Members: ${report.members.map(({ id, address }) => `${id} (${address})`).join(', ')}.`,
    `Known to be committed is everything up to index ${report.commitIndex}. What follows, ${uncommitted} entries, becomes true, whether or not anybody was told so.`,
    `Lost is whatever a majority of the ${voters.length} voters has acknowledged after index ${report.lastIndex}, or up to it if this replica was not among them. Nobody can say how much that is.`,
  ];
  if (report.isTailSuspect) {
    lines.push('The last batch of its log is damaged and was cut: it may have been acknowledged.');
  }
  const missing = voters.filter(
    ({ id }) => id !== report.nodeId && !others.some(({ nodeId }) => nodeId === id),
  );
  if (missing.length > 0) {
    const ids = missing.map(({ id }) => id).join(', ');
    lines.push(`Not compared: ${ids}. If a directory of theirs is left, name it with --others.`);
  }
  return lines.join('\n');
}

function describe({ nodeId, directory, lastIndex, lastTerm, ...rest }: DirectoryReport): string {
  const { term, commitIndex, snapshotIndex } = rest;
  return (
    `server ${nodeId}: last entry ${lastIndex} of term ${lastTerm}, term ${term}, ` +
    `committed up to ${commitIndex} as far as it knew, snapshot of ${snapshotIndex}, in ${directory}`
  );
}

/** As in elections: the later term of the last entry, then the longer log (Raft §5.4.1). */
function isAhead(one: DirectoryReport, other: DirectoryReport): boolean {
  if (one.lastTerm !== other.lastTerm) return one.lastTerm > other.lastTerm;
  return one.lastIndex > other.lastIndex;
}

function refused(message: string): CommandError {
  return new CommandError(ExitCode.failed, message);
}
