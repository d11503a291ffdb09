import { CatchUp } from './catch-up';
import { CheckpointReports, CheckpointRing } from './divergence';
import type { Configurations } from './configurations';
import type { ElectionCause, LeadershipLossCause } from './events';
import { FreshnessPoints } from './freshness';
import { InflightWindow } from './inflight';
import { Lease } from './lease';
import type { RaftLog } from './log';
import { LogClock } from './log-clock';
import type { Message, Proposal } from './messages';
import type { ResolvedRaftOptions } from './options';
import { Outbox } from './outbox';
import { HandOverPatience, Heirs } from './priority';
import { Progress } from './progress';
import { ForwardedReads, ReadRounds } from './read-index';
import type { Trial } from './trial';
import { NO_SERVER, Role } from './types';
import type { LogIndex, Member, ServerId, SnapshotMetadata, Term } from './types';

/** A transfer of leadership under way (dissertation §3.10). */
export interface Transfer {
  readonly target: ServerId;
  readonly deadlineMs: number;
}

/** What a server has only while it leads; a new one for every term. */
export interface LeaderState {
  readonly progress: Map<ServerId, Progress>;
  readonly clock: LogClock;
  readonly reads: ReadRounds;
  readonly lease: Lease;
  readonly reports: CheckpointReports;
  readonly heirs: Heirs;
  heartbeatDueMs: number;
  transfer: Transfer | undefined;
  /** Somebody in `progress` is no member any more. */
  hasFarewells: boolean;
  /** Entries above the commit index, of commands only. */
  uncommittedEntries: number;
  uncommittedBytes: number;
}

/**
 * Everything that one server's core knows. The modules beside this file are functions on it; raft.ts alone decides which one gets an input.
 *
 * currentTerm, votedFor and the log are what Raft's figure 2 calls persistent: they reach the disk through Ready.persist, and whatever speaks for them
 * waits for that (see {@link send}).
 */
export class RaftState {
  outbox = new Outbox();
  currentTerm: Term;
  votedFor: ServerId;
  role: Role = Role.follower;
  leaderId: ServerId = NO_SERVER;
  leader: LeaderState | undefined;
  /** The newest time that an input carried; never goes back. */
  nowMs: number;
  electionDeadlineMs = 0;
  /** The leader that was known last is said to have ended. */
  leaderGone = false;
  /** Of the present campaign, or the last one. */
  electionCause: ElectionCause = 'noLeader';
  /** Why this server stopped leading, until it knows of another leader. */
  leadershipLostBy: LeadershipLossCause | undefined;
  /** When a leader was last heard; at first, when this process began. */
  leaderHeardMs: number;
  /** The leader knows of a voter of higher priority that could take over: let it campaign first. */
  yields = false;
  /** See trial.ts. */
  trial: Trial | undefined;
  readonly patience: HandOverPatience;
  /** The newest heartbeat round that this server has answered, and the term of the leader that began it. */
  answeredRound = { term: 0, round: 0 };
  /** As (pre-)candidate: who answered what. */
  votes = new Map<ServerId, boolean>();
  /** The newest snapshot, ours or received. */
  snapshot: SnapshotMetadata | undefined;
  /** A received snapshot that storage has not been told of yet. */
  unwrittenSnapshot: SnapshotMetadata | undefined;
  readonly forwardedReads = new ForwardedReads();
  /** Proposals of this server that will go to the leader with the next Ready. */
  forwardQueue: Proposal[] = [];
  /** Batches of proposals by sender, so that a repeated message is not taken twice. Outlives a term: a copy may come after this server has lost the lead. */
  readonly seenForwards = new Map<ServerId, Set<string>>();
  /** Something may have to be sent to followers: looked at once a Ready, so that everything of one turn shares a message. */
  needsFlush = false;
  /** See ForwardProposals.runId. */
  readonly runId: number;
  /** This server may have forgotten what it acknowledged or voted for: see suspicion.ts. */
  suspect = false;
  /** While suspect: this process has compared its log up to here with that of the current term's leader. */
  verifiedIndex: LogIndex = 0;
  /** As (pre-)candidate: voters that are suspect, with their runs. */
  suspectVotes = new Map<ServerId, number>();
  /** What this server's state machine answered, and what it should have: see divergence.ts. */
  readonly checkpoints = new CheckpointRing();
  readonly freshness = new FreshnessPoints();
  readonly verdicts = new CheckpointRing();
  /** The newest index at which both were equal. */
  comparedIndex: LogIndex = 0;

  constructor(
    readonly id: ServerId,
    readonly options: ResolvedRaftOptions,
    readonly log: RaftLog,
    readonly configurations: Configurations,
    /** Term and vote that this run of the process began with. */
    public startedWith: { readonly currentTerm: Term; readonly votedFor: ServerId },
    nowMs: number,
  ) {
    this.currentTerm = startedWith.currentTerm;
    this.votedFor = startedWith.votedFor;
    this.nowMs = nowMs;
    this.leaderHeardMs = nowMs;
    this.patience = new HandOverPatience(options.electionTimeoutMs);
    this.runId = 1 + Math.floor(options.random() * (Number.MAX_SAFE_INTEGER - 1));
    resetElectionDeadline(this);
  }

  /** True when this leader has committed an entry of its own term, so that its commit index is the group's (Raft §8). */
  hasCommittedInTerm(): boolean {
    return this.log.termAt(this.log.commitIndex) === this.currentTerm;
  }
}

/** Draws the next election timeout from [T, 2T), so that servers rarely campaign at the same time (Raft §5.2); later by T for one that lets another try first. */
export function resetElectionDeadline(state: RaftState): void {
  const timeoutMs = state.options.electionTimeoutMs;
  const leastMs = state.yields ? 2 * timeoutMs : timeoutMs;
  state.electionDeadlineMs = state.nowMs + leastMs + timeoutMs * state.options.random();
}

/** A leader's state at the start of its term. */
export function createLeaderState(state: RaftState): LeaderState {
  const leader: LeaderState = {
    progress: new Map(),
    clock: new LogClock(state.log.lastStampMs, state.nowMs, state.options.electionTimeoutMs),
    reads: new ReadRounds(),
    lease: new Lease(),
    reports: new CheckpointReports(),
    heirs: new Heirs(state.log.commitIndex, state.nowMs),
    heartbeatDueMs: state.nowMs,
    transfer: undefined,
    hasFarewells: false,
    uncommittedEntries: 0,
    uncommittedBytes: 0,
  };
  for (const member of state.configurations.othersThan(state.id)) {
    leader.progress.set(member.id, createProgress(state, member));
  }
  return leader;
}

/** What a leader knows of a member that it has not heard yet. */
export function createProgress(state: RaftState, { id, voter }: Member): Progress {
  const { inflightAppendsMax, inflightBytesMax, electionTimeoutMs } = state.options;
  const { lastIndex } = state.log;
  const nextIndex: LogIndex = lastIndex + 1;
  const window = new InflightWindow(inflightAppendsMax, inflightBytesMax);
  const progress = new Progress(id, nextIndex, state.nowMs, window);
  if (!voter) progress.catchUp = new CatchUp(lastIndex, state.nowMs, electionTimeoutMs);
  return progress;
}

/**
 * Sends a message, at once or after the disk.
 *
 * At once: what a leader sends, because its own disk is just one of the quorum (dissertation §10.2.1), and what says nothing about our disk. After it: a vote
 * and a request for votes (a server that forgets them could vote, or campaign with another log, twice in a term), acknowledged entries and
 * snapshots, and everything that is sent in a term that a restart would not find.
 */
export function send(state: RaftState, message: Message): void {
  if (speaksForDisk(state, message)) state.outbox.sendAfterPersist.push(message);
  else state.outbox.sendNow.push(message);
}

function speaksForDisk(state: RaftState, message: Message): boolean {
  switch (message.type) {
    case 'requestVote':
    case 'requestVoteReply':
      return !message.preVote || !state.log.durability.holdsTerm(state.currentTerm);
    case 'appendEntriesReply':
    case 'installSnapshotReply':
      return true;
    default:
      return !state.log.durability.holdsTerm(state.currentTerm);
  }
}
