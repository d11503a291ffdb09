import { raft } from '@raftway/contracts';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { CommandError } from '../command/command-error';
import { describeSilence } from '../command/describe-silence';
import { ExitCode } from '../command/exit-code';

type AdminClient = ServiceClient<typeof raft.RaftAdminServiceService>;

/** One replica's answer, or why there is none. */
export interface Answer {
  readonly server: string;
  readonly status: raft.GetStatusResponse | undefined;
  readonly error: string | undefined;
}

/** How long a replica may take to say what it knows, in milliseconds. */
const STATUS_TIMEOUT_MS = 3000;

/** The replicas of one group, by the client addresses that the operator names. */
export class RaftAdmin {
  private readonly clients: ReadonlyMap<string, AdminClient>;

  /**
   * @param servers client addresses, at least one.
   * @param timeoutMs of one change.
   */
  constructor(
    servers: readonly string[],
    private readonly timeoutMs: number,
  ) {
    this.clients = new Map(
      servers.map((server) => [
        server,
        createClient(raft.RaftAdminServiceService, server, { attemptsMax: 1 }),
      ]),
    );
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  /** Asks all of them. */
  statuses(): Promise<readonly Answer[]> {
    return Promise.all(
      [...this.clients].map(async ([server, client]): Promise<Answer> => {
        try {
          const status = await client.getStatus({}, { timeoutMs: STATUS_TIMEOUT_MS });
          return { server, status, error: undefined };
        } catch (error) {
          return { server, status: undefined, error: describeSilence(error, STATUS_TIMEOUT_MS) };
        }
      }),
    );
  }

  add(id: number, address: string, learner: boolean): Promise<raft.AddServerResponse> {
    return this.onLeader((leader, timeoutMs) =>
      leader.addServer({ id: BigInt(id), address, learner }, { timeoutMs }),
    );
  }

  remove(id: number): Promise<raft.RemoveServerResponse> {
    return this.onLeader((leader, timeoutMs) =>
      leader.removeServer({ id: BigInt(id) }, { timeoutMs }),
    );
  }

  transfer(target: number): Promise<raft.TransferLeadershipResponse> {
    return this.onLeader((leader, timeoutMs) =>
      leader.transferLeadership({ targetId: BigInt(target) }, { timeoutMs }),
    );
  }

  /** Of the first replica that is named. */
  async snapshot(): Promise<raft.TakeSnapshotResponse> {
    const [client] = this.clients.values();
    return await (client as AdminClient).takeSnapshot({}, { timeoutMs: this.timeoutMs });
  }

  private async onLeader<Response>(
    work: (leader: AdminClient, timeoutMs: number) => Promise<Response>,
  ): Promise<Response> {
    const answers = await this.statuses();
    // Of two that believe to lead, the one of the later term does.
    const [leader] = answers
      .filter(({ status }) => status?.role === raft.Role.LEADER)
      .sort((left, right) => Number((right.status?.term ?? 0n) - (left.status?.term ?? 0n)));
    if (leader === undefined) throw new CommandError(ExitCode.unavailable, noLeader(answers));
    const client = this.clients.get(leader.server) as AdminClient;
    return await work(client, this.timeoutMs);
  }
}

function noLeader(answers: readonly Answer[]): string {
  const status = answers.find(({ status: one }) => (one?.leaderId ?? 0n) !== 0n)?.status;
  const known = status?.members.find(({ id }) => id === status.leaderId);
  if (known !== undefined) {
    return `server ${known.id} leads, whose peer address is ${known.address}: name its client address with --server, too`;
  }
  const reasons = answers.map(({ server, error }) => `${server}: ${error ?? 'knows no leader'}`);
  return `none of the named servers leads. ${reasons.join('; ')}`;
}
