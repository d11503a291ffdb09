import type { Command } from 'commander';
import { raft } from '@raftway/contracts';
import { type Description, describe } from '../command/describe';
import { CALL_EXIT_CODES, ExitCode } from '../command/exit-code';
import { toJson } from '../command/json';
import type { Output } from '../command/output';
import { addressList, directoryList, wholeNumber } from '../command/parsers';
import { reporting } from '../command/reporting';
import { RaftAdmin } from './admin';
import { recover } from './recover';
import { describeStatuses, summarizeMembers } from './report';

interface RaftFlags {
  readonly server: readonly string[];
  readonly timeout: number;
  readonly json: boolean;
}

const SERVERS = '127.0.0.1:20071,127.0.0.1:20072,127.0.0.1:20073';

/** `raftway raft …`: what operators do with the members of a Raft group. */
export function addRaft(parent: Command, output: Output): void {
  const command = describe(parent.command('raft'), {
    summary: 'look at a Raft group, and change its members',
    details: [
      'To replace a server: start the new one with an empty data directory and RAFTWAY_INITIAL_STATE=existing, add it under an id that was never used, then remove the old one.',
    ],
    examples: [[`raftway raft status --server ${SERVERS}`, 'the members, and how far they are']],
    exitCodes: CALL_EXIT_CODES,
  });
  addStatus(command, output);
  addAdd(command, output);
  addRemove(command, output);
  addTransfer(command, output);
  addSnapshot(command, output);
  addRecover(command, output);
}

type Spoken = Pick<Description, 'summary' | 'examples' | 'details'>;

/** A command with the options that all but `recover` have. */
function verb(parent: Command, name: string, description: Spoken): Command {
  const command = parent
    .command(name)
    .requiredOption(
      '-s, --server <host:port,…>',
      'client addresses of replicas, separated by commas; for changes the leader has to be among them',
      addressList,
    )
    .option('--timeout <seconds>', 'how long a change may take', wholeNumber(1, 3600), 60)
    .option('--json', 'print the answer as JSON', false);
  return describe(command, { ...description, exitCodes: CALL_EXIT_CODES });
}

function addStatus(parent: Command, output: Output): void {
  verb(parent, 'status', {
    summary: 'show members, their parts, and how far behind they are',
    examples: [[`raftway raft status --server ${SERVERS}`, 'the lock service of npm start']],
  }).action((flags: RaftFlags) =>
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
}

function addAdd(parent: Command, output: Output): void {
  verb(parent, 'add', {
    summary: 'add a server; it becomes a voter once it has caught up',
    examples: [[`raftway raft add 4 host-d:51071 --server ${SERVERS}`, 'a fourth replica']],
  })
    .argument('<id>', 'a number that no server of the group has had before', serverId)
    .argument('<peer-address>', 'host:port under which the replicas reach its peer endpoint')
    .option('--learner', 'it stays a learner: it receives the log and does not vote', false)
    .action((id: number, address: string, flags: RaftFlags & { readonly learner: boolean }) =>
      run(flags, output, async (admin) => {
        const added = await admin.add(id, address, flags.learner);
        say(flags, output, added, `server ${id} is a member: ${summarizeMembers(added.members)}`);
      }),
    );
}

function addRemove(parent: Command, output: Output): void {
  verb(parent, 'remove', {
    summary: 'remove a server; a leader that is removed hands over first',
    examples: [[`raftway raft remove 2 --server ${SERVERS}`, 'whichever of them leads']],
  })
    .argument('<id>', 'the server', serverId)
    .action((id: number, flags: RaftFlags) =>
      run(flags, output, async (admin) => {
        const { members, ...rest } = await admin.remove(id);
        const text = `server ${id} is removed: ${summarizeMembers(members)}`;
        say(flags, output, { ...rest, members }, text);
      }),
    );
}

function addTransfer(parent: Command, output: Output): void {
  verb(parent, 'transfer', {
    summary: 'hand leadership over',
    examples: [[`raftway raft transfer 3 --server ${SERVERS}`, 'before server 1 is serviced']],
  })
    .argument('[id]', 'to this voter; left out, to the one that is most advanced', serverId, 0)
    .action((id: number, flags: RaftFlags) =>
      run(flags, output, async (admin) => {
        const moved = await admin.transfer(id);
        say(flags, output, moved, `server ${moved.leaderId} leads`);
      }),
    );
}

function addSnapshot(parent: Command, output: Output): void {
  verb(parent, 'snapshot', {
    summary: 'take a snapshot on the first named replica, and let its log go',
    examples: [['raftway raft snapshot --server 127.0.0.1:20071', 'of one replica']],
  }).action((flags: RaftFlags) =>
    run(flags, output, async (admin) => {
      const taken = await admin.snapshot();
      say(flags, output, taken, `snapshot of index ${taken.index}, ${taken.sizeBytes} bytes`);
    }),
  );
}

interface RecoverFlags {
  readonly others: readonly string[];
  readonly address?: string;
  readonly yesIAcceptDataLoss: boolean;
}

function addRecover(parent: Command, output: Output): void {
  const command = parent
    .command('recover')
    .argument('<data-directory>', 'of the replica that is left; it must be stopped')
    .option(
      '--others <directory,…>',
      'of other stopped replicas, to compare with',
      directoryList,
      [],
    )
    .option('--address <host:port>', 'its peer address from now on, if it has moved')
    .option('--yes-i-accept-data-loss', 'do not ask', false)
    .action((directory: string, flags: RecoverFlags) => {
      const { others, address, yesIAcceptDataLoss: isAccepted } = flags;
      const { out, ask } = output;
      const options = { directory, others, address, isAccepted, out, ask };
      return reporting(output, false, () => recover(options));
    });
  describe(command, {
    summary: 'make a group of one from a stopped replica, when the majority is gone for good',
    details: [
      'Acknowledged writes may be lost, and the command says which. Members of the old group are refused afterwards: add servers with empty directories, under ids that were never used.',
    ],
    examples: [
      [
        'raftway raft recover .raftway/lock-service-2 --others /mnt/backup/lock-service-3',
        'from the better one of two directories',
      ],
    ],
    exitCodes: [ExitCode.done, ExitCode.failed, ExitCode.usage],
  });
}

/** Runs one command with clients that are closed again. */
function run(
  flags: RaftFlags,
  output: Output,
  work: (admin: RaftAdmin) => Promise<ExitCode | void>,
): Promise<void> {
  return reporting(output, flags.json, async () => {
    const admin = new RaftAdmin(flags.server, flags.timeout * 1000);
    try {
      return await work(admin);
    } finally {
      admin.close();
    }
  });
}

function say(flags: RaftFlags, output: Output, answer: unknown, text: string): void {
  output.out(flags.json ? toJson(answer) : text);
}

function serverId(text: string): number {
  return wholeNumber(1, Number.MAX_SAFE_INTEGER)(text);
}
