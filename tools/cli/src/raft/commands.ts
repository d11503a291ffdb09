import { Command, InvalidArgumentError } from 'commander';
import { raft } from '@raftway/contracts';
import { ExitCode, RaftAdmin, RaftCommandError } from './admin';
import { recover } from './recover';
import { describeStatuses, summarizeMembers, toJson } from './report';

interface RaftFlags {
  readonly server: readonly string[];
  readonly timeout: number;
  readonly json: boolean;
}

const EXIT_CODES = `
Exit codes: 0 done; 1 the group refused, nothing happened; 69 no replica could be reached, or none
of those named leads, nothing happened; 75 not done yet, or not known to be: look at the status.

To replace a server: start the new one with an empty data directory and
RAFTWAY_INITIAL_STATE=existing, add it under an id that was never used, then remove the old one.`;

const RECOVER_HELP = `
Acknowledged writes may be lost, and the command says which. Members of the old group are refused
afterwards: add servers with empty directories, under ids that were never used.

Exit codes: 0 done; 1 refused or not confirmed, nothing was changed.`;

/** Where a command's words go. */
export interface Output {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly exit: (code: number) => void;
  /** Asks the operator; yields what was typed, '' when nobody answers. */
  readonly ask: (question: string) => Promise<string>;
}

/** `raftway raft …`: what operators do with the members of a Raft group. */
export function raftCommand(output: Output): Command {
  const command = new Command('raft')
    .description('look at a Raft group, and change its members')
    .addHelpText('after', EXIT_CODES);
  const verb = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .requiredOption(
        '-s, --server <host:port,…>',
        'client addresses of replicas, separated by commas; for changes the leader has to be among them',
        serverList,
      )
      .option('--timeout <seconds>', 'how long a change may take', seconds, 60)
      .option('--json', 'print the answer as JSON', false)
      .addHelpText('after', EXIT_CODES);

  verb('status', 'show members, their parts, and how far behind they are').action(
    (flags: RaftFlags) =>
      run(flags, output, async (admin) => {
        const answers = await admin.statuses();
        const isAnswered = answers.some(({ status }) => status !== undefined);
        const json = answers.map(({ server, status, error }) => ({
          server,
          error,
          status: status === undefined ? undefined : raft.GetStatusResponse.toJSON(status),
        }));
        output.out(flags.json ? toJson(json) : describeStatuses(answers));
        return isAnswered ? ExitCode.done : ExitCode.unavailable;
      }),
  );
  verb('add', 'add a server; it becomes a voter once it has caught up')
    .argument('<id>', 'a number that no server of the group has had before', serverId)
    .argument('<peer-address>', 'host:port under which the replicas reach its peer endpoint')
    .option('--learner', 'it stays a learner: it receives the log and does not vote', false)
    .action((id: number, address: string, flags: RaftFlags & { readonly learner: boolean }) =>
      run(flags, output, async (admin) => {
        const added = await admin.add(id, address, flags.learner);
        say(flags, output, added, `server ${id} is a member: ${summarizeMembers(added.members)}`);
      }),
    );
  verb('remove', 'remove a server; a leader that is removed hands over first')
    .argument('<id>', 'the server', serverId)
    .action((id: number, flags: RaftFlags) =>
      run(flags, output, async (admin) => {
        const removed = await admin.remove(id);
        say(
          flags,
          output,
          removed,
          `server ${id} is removed: ${summarizeMembers(removed.members)}`,
        );
      }),
    );
  verb('transfer', 'hand leadership over')
    .argument('[id]', 'to this voter; left out, to the one that is most advanced', serverId, 0)
    .action((id: number, flags: RaftFlags) =>
      run(flags, output, async (admin) => {
        const moved = await admin.transfer(id);
        say(flags, output, moved, `server ${moved.leaderId} leads`);
      }),
    );
  verb('snapshot', 'take a snapshot on the first named replica, and let its log go').action(
    (flags: RaftFlags) =>
      run(flags, output, async (admin) => {
        const taken = await admin.snapshot();
        say(flags, output, taken, `snapshot of index ${taken.index}, ${taken.sizeBytes} bytes`);
      }),
  );
  return addRecover(command, output);
}

interface RecoverFlags {
  readonly others: readonly string[];
  readonly address?: string;
  readonly yesIAcceptDataLoss: boolean;
}

function addRecover(command: Command, output: Output): Command {
  command
    .command('recover')
    .description('make a group of one from a stopped replica, when the majority is gone for good')
    .argument('<data-directory>', 'of the replica that is left; it must be stopped')
    .option('--others <directory,…>', 'of other stopped replicas, to compare with', list, [])
    .option('--address <host:port>', 'its peer address from now on, if it has moved')
    .option('--yes-i-accept-data-loss', 'do not ask', false)
    .addHelpText('after', RECOVER_HELP)
    .action(async (directory: string, flags: RecoverFlags) => {
      const { others, address, yesIAcceptDataLoss: isAccepted } = flags;
      const { out, ask } = output;
      await reporting(output, () => recover({ directory, others, address, isAccepted, out, ask }));
    });
  return command;
}

/** Runs one command with clients that are closed again; what goes wrong becomes one line and an exit code. */
async function run(
  flags: RaftFlags,
  output: Output,
  work: (admin: RaftAdmin) => Promise<ExitCode | void>,
): Promise<void> {
  const admin = new RaftAdmin(flags.server, flags.timeout * 1000);
  try {
    await reporting(output, () => work(admin));
  } finally {
    admin.close();
  }
}

async function reporting(output: Output, work: () => Promise<ExitCode | void>): Promise<void> {
  try {
    output.exit((await work()) ?? ExitCode.done);
  } catch (error) {
    if (!(error instanceof RaftCommandError)) throw error;
    output.error(`raftway: ${error.message}`);
    output.exit(error.exitCode);
  }
}

function say(flags: RaftFlags, output: Output, answer: unknown, text: string): void {
  output.out(flags.json ? toJson(answer) : text);
}

function list(text: string): readonly string[] {
  return text.split(',').map((one) => one.trim());
}

function serverList(text: string): readonly string[] {
  const servers = text.split(',').map((server) => server.trim());
  const wrong = servers.find((server) => !/^\S+:\d{1,5}$/.test(server));
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is not host:port.`);
  return servers;
}

function serverId(text: string): number {
  return wholeNumber(text, Number.MAX_SAFE_INTEGER);
}

function seconds(text: string): number {
  return wholeNumber(text, 3600);
}

function wholeNumber(text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new InvalidArgumentError(`"${text}" is not a whole number from 1 to ${most}.`);
  }
  return value;
}
