import type { Configuration, Input, MemberChange, Standing } from '../core';
import type { Raft } from '../core/raft';
import type { CallOptions, MembersChanged } from '../raft-node';
import type { Transport } from '../transport/transport';
import type { ResolvedRaftNodeOptions } from './options';
import { PeerLinks } from './peer-links';
import { notLeader, PendingChanges } from './pending-changes';

/** How many election timeouts the link of a removed server is kept. */
const LINK_LINGER_TIMEOUTS = 4;

type Options = Pick<
  ResolvedRaftNodeOptions<unknown>,
  'id' | 'members' | 'electionTimeoutMs' | 'callTimeoutMs' | 'logger'
>;

/** Everything of a running replica that has to do with who the members are: links to them, calls that change them, and what this replica is among them. */
export class Membership {
  readonly changes: PendingChanges;
  private readonly links: PeerLinks;
  private lastConfiguration: Configuration | undefined;
  private lastStanding: Standing | undefined;
  private wasDecided = false;

  constructor(
    private readonly options: Options,
    private readonly raft: Raft,
    transport: Transport,
    private readonly callbacks: {
      readonly input: (input: Input) => void;
      readonly takeTicket: () => number;
      /** The members in force are others, or are now decided, or this replica is something else among them. */
      readonly onChange: () => void;
    },
  ) {
    this.changes = new PendingChanges(raft, callbacks.input, callbacks.takeTicket);
    const lingerMs = LINK_LINGER_TIMEOUTS * options.electionTimeoutMs;
    this.links = new PeerLinks(raft, transport, options.members, lingerMs);
  }

  /** See RaftNode.changeMembers. */
  change(changes: readonly MemberChange[], call: CallOptions): Promise<MembersChanged> {
    if (this.raft.role !== 'leader') return Promise.reject<MembersChanged>(notLeader(this.raft));
    const timeoutMs = call.timeoutMs ?? this.options.callTimeoutMs;
    return this.changes.add(changes, performance.now() + timeoutMs, call.signal);
  }

  /** To be called after the core's steps. */
  look(nowMs: number): void {
    const { configuration, configurationIndex, commitIndex } = this.raft;
    const isDecided = configurationIndex <= commitIndex;
    const hasChanged = configuration !== this.lastConfiguration || isDecided !== this.wasDecided;
    if (hasChanged) {
      this.lastConfiguration = configuration;
      this.wasDecided = isDecided;
      this.links.look(nowMs);
      this.sayStanding(this.raft.standing);
    }
    this.changes.look();
    if (hasChanged) this.callbacks.onChange();
  }

  tick(nowMs: number): void {
    this.changes.tick(nowMs);
    this.links.look(nowMs);
  }

  private sayStanding(standing: Standing): void {
    if (standing === this.lastStanding) return;
    this.lastStanding = standing;
    const { logger, id } = this.options;
    if (standing === 'removed') {
      logger.warn('this replica was removed from its group and takes no part any more', { id });
    } else if (standing === 'waiting') {
      logger.info('this replica waits until the leader of its group adds it', { id });
    } else logger.debug('this replica is a member of its group', { id, standing });
  }
}
