import { decodeConfiguration, encodeConfiguration } from '@raftway/raft/core';
import type { Configuration, Entry, LogIndex, Raft, ServerId, Term } from '@raftway/raft/core';
import type { Coverage } from './coverage';
import type { StoragePromises } from './promises';
import { SafetyViolation } from './violation';
import { describeMembers } from './world';

interface Committed {
  readonly index: LogIndex;
  readonly configuration: Configuration;
  /** The term of the leader that committed it. */
  readonly inTerm: Term;
}

/** What was compared last of one process. */
interface Watched {
  readonly decidedIndex: LogIndex;
  readonly decided: Configuration | undefined;
}

/** How a server was after its last step. */
interface Seen {
  readonly id: ServerId;
  readonly configuration: Configuration;
  /** Where it is in the log. */
  readonly index: LogIndex;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly isSuspect: boolean;
}

function verify(condition: boolean, message: () => string): void {
  if (!condition) throw new SafetyViolation(message());
}

/**
 * The rules of membership change (Raft §6, dissertation chapter 4), seen from outside: what is decided has the majorities that the configurations in the logs ask for, and
 * two configurations that could decide apart are never at work together. It reads configurations by itself, and does not ask the core who is a voter.
 */
export class MembershipChecker {
  private readonly committed: Committed[] = [];
  private readonly watched = new Map<Raft, Watched>();
  private readonly seen = new Map<ServerId, Seen>();
  /** Who was removed, and has not come back. */
  private readonly gone = new Set<ServerId>();

  constructor(
    private readonly disks: readonly StoragePromises[],
    private readonly coverage: Coverage,
  ) {}

  /** The newest one that is committed; undefined before the first step. */
  get newest(): Configuration | undefined {
    return this.committed.at(-1)?.configuration;
  }

  /** The sets of voters that may still decide something: of the newest committed configuration, and of those that may follow it. */
  get voterSets(): readonly (readonly ServerId[])[] {
    const newest = this.committed.at(-1);
    if (newest === undefined) return [];
    const later = [...this.seen.values()].filter(({ index }) => index > newest.index);
    return [newest, ...later].flatMap(({ configuration }) => voterSetsOf(configuration));
  }

  /** A server has a configuration entry in its log that it had not before: all but the last one are committed (one change at a time). */
  onAppended(raft: Raft, committedIndex: LogIndex): void {
    const open: LogIndex[] = [];
    // What it has just committed, in the same step, is committed.
    const decidedIndex = Math.max(committedIndex, raft.commitIndex);
    for (let index = decidedIndex + 1; index <= raft.lastIndex; index += 1) {
      if (raft.entryAt(index)?.kind === 2) open.push(index);
    }
    verify(
      open.length <= 1,
      () =>
        `server ${raft.id} has configurations at ${open.join(' and ')}; committed is ${decidedIndex}`,
    );
    const entry = raft.entryAt(open[0] ?? 0);
    if (entry?.term === raft.term && raft.role === 'leader') this.requireNoRival(raft, entry);
  }

  /**
   * A leader has begun a change. Nobody who began another one before, in an earlier term, may still be elected by the members of that one if those could decide apart from the new
   * ones: each would commit its own (Ongaro, raft-dev, 10 July 2015). When the new leader has first committed something in its term, a majority of the old members refuses the rival.
   */
  private requireNoRival(raft: Raft, entry: Entry): void {
    const configuration = decodeConfiguration(entry.payload);
    const decidedIndex = this.committed.at(-1)?.index ?? 0;
    for (const rival of this.seen.values()) {
      if (rival.index <= decidedIndex || rival.lastTerm >= entry.term || rival.isSuspect) continue;
      if (shareAServer(configuration, rival.configuration)) continue;
      verify(
        !this.isElectable(rival),
        () =>
          `server ${raft.id} begins to decide with members ${describeMembers(configuration)}, and server ${rival.id} may ` +
          `be elected by ${describeMembers(rival.configuration)}`,
      );
    }
  }

  private isElectable(candidate: Seen): boolean {
    const wouldVote = (id: ServerId): boolean => {
      const voter = this.seen.get(id);
      if (voter === undefined) return true;
      const { lastIndex, lastTerm } = candidate;
      const isBehind =
        voter.lastTerm < lastTerm || (voter.lastTerm === lastTerm && voter.lastIndex <= lastIndex);
      return isBehind && !voter.isSuspect;
    };
    return voterSetsOf(candidate.configuration).every(
      (voters) => voters.filter(wouldVote).length * 2 > voters.length,
    );
  }

  /** What is committed of the configurations is the same everywhere, also where a snapshot brought it. */
  afterStep(raft: Raft): void {
    this.look(raft);
    const known = this.committed.findLast(({ index }) => index <= raft.commitIndex);
    const decided = raft.configurationAt(raft.commitIndex);
    const last = this.watched.get(raft);
    if (known === undefined || decided === undefined) return;
    if (last?.decided === decided && last.decidedIndex === known.index) return;
    this.watched.set(raft, { decidedIndex: known.index, decided });
    verify(
      isSame(decided, known.configuration),
      () =>
        `server ${raft.id} has members ${describeMembers(decided)} at ${raft.commitIndex}; ` +
        `committed at ${known.index} is ${describeMembers(known.configuration)}`,
    );
  }

  forget(raft: Raft): void {
    this.watched.delete(raft);
  }

  /** A server has just been elected: by a majority of each set that its log names. */
  onElected(raft: Raft): void {
    const configuration = newestInLog(raft, raft.lastIndex);
    for (const voters of voterSetsOf(configuration)) {
      const votes = voters.filter((id) => this.disk(id).mayHaveVoted(raft.term, raft.id));
      verify(
        votes.length * 2 > voters.length,
        () =>
          `server ${raft.id} leads term ${raft.term} with ${votes.length} votes of ${voters.join(' ')}`,
      );
    }
    // A server that was frozen may learn late that it won an old term, before the members changed.
    const before = this.committed.findLast(({ inTerm }) => inTerm < raft.term);
    if (before !== undefined) this.requireOverlap(raft, configuration, before);
  }

  /** An entry is committed for the first time: it is on the disks of a majority of each set that the leader's log named before this step. */
  onDecided(raft: Raft, index: LogIndex, term: Term, lastIndexBefore: LogIndex): void {
    // What it appended in the same step, such as the end of a joint change, comes after the decision.
    const configuration = newestInLog(raft, lastIndexBefore);
    for (const voters of voterSetsOf(configuration)) {
      const holders = voters.filter((id) => this.disk(id).holds(index, term));
      verify(
        holders.length * 2 > voters.length,
        () =>
          `entry ${index} of term ${term} is committed, and of ${voters.join(' ')} only ` +
          `${holders.length === 0 ? 'nobody' : holders.join(' ')} has it on disk`,
      );
    }
    const before = this.committed.at(-1);
    if (before !== undefined) this.requireOverlap(raft, configuration, before);
  }

  /** A configuration is committed. */
  onCommitted(raft: Raft, entry: Entry): void {
    const { coverage } = this;
    const configuration = decodeConfiguration(entry.payload);
    const before = this.newest;
    this.committed.push({ index: entry.index, configuration, inTerm: raft.term });
    if (before === undefined) return;
    coverage.configurationsCommitted += 1;
    this.countReturns(before, configuration);
    const isJoint = voterSetsOf(configuration).length > 1;
    if (isJoint) coverage.jointEntered += 1;
    else if (voterSetsOf(before).length > 1) coverage.jointLeft += 1;
    const learners = before.members.filter(({ voter }) => !voter).map(({ id }) => id);
    const voters = configuration.members.filter(({ voter }) => voter).map(({ id }) => id);
    coverage.learnersPromoted += voters.filter((id) => learners.includes(id)).length;
    if (!isJoint && !voters.includes(raft.id)) coverage.leadersRemoved += 1;
  }

  private countReturns(before: Configuration, after: Configuration): void {
    const members = after.members.map(({ id }) => id);
    for (const id of members) {
      if (this.gone.delete(id)) this.coverage.membersReturned += 1;
    }
    for (const { id } of before.members) {
      if (!members.includes(id)) this.gone.add(id);
    }
  }

  private look(raft: Raft): void {
    const { id, configuration, configurationIndex: index, lastIndex, isSuspect } = raft;
    const lastTerm = raft.termAt(lastIndex) ?? 0;
    this.seen.set(id, { id, configuration, index, lastIndex, lastTerm, isSuspect });
  }

  private requireOverlap(raft: Raft, configuration: Configuration, before: Committed): void {
    verify(
      shareAServer(configuration, before.configuration),
      () =>
        `server ${raft.id} decides with members ${describeMembers(configuration)}; committed at ${before.index} ` +
        `is ${describeMembers(before.configuration)}, which could decide without any of them`,
    );
  }

  private disk(id: ServerId): StoragePromises {
    return this.disks[id - 1] as StoragePromises;
  }
}

/** Whose majority each has to agree: all voters, or in a joint configuration those after and those before the change. */
function voterSetsOf({ members }: Configuration): readonly (readonly ServerId[])[] {
  const voters = members.filter(({ voter }) => voter);
  const idsWithout = (...transitions: readonly string[]): ServerId[] =>
    voters.filter(({ transition = '' }) => !transitions.includes(transition)).map(({ id }) => id);
  const after = idsWithout('outgoing', 'demoted');
  const before = idsWithout('incoming');
  return after.length === voters.length && before.length === voters.length
    ? [after]
    : [after, before];
}

/** True when every quorum of the one has a server in common with every quorum of the other. */
function shareAServer(one: Configuration, other: Configuration): boolean {
  const majority = (voters: readonly ServerId[]): number => Math.floor(voters.length / 2) + 1;
  return voterSetsOf(one).some((left) =>
    voterSetsOf(other).some(
      (right) => majority(left) + majority(right) > new Set([...left, ...right]).size,
    ),
  );
}

/** The last one in the log up to an index; or what its snapshot came with. */
function newestInLog(raft: Raft, lastIndex: LogIndex): Configuration {
  for (let index = lastIndex; index >= raft.firstIndex; index -= 1) {
    const entry = raft.entryAt(index);
    if (entry?.kind === 2) return decodeConfiguration(entry.payload);
  }
  return raft.configurationAt(raft.commitIndex) as Configuration;
}

function isSame(one: Configuration, other: Configuration): boolean {
  return Buffer.compare(encodeConfiguration(one), encodeConfiguration(other)) === 0;
}
