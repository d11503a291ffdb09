import type { Recovered } from '@raftway/raft';
import type { Entry, Message, Raft, ServerId, Term } from '@raftway/raft/core';
import type { Coverage } from './coverage';
import { checkBeliefs } from './leader-claims';
import { MembershipChecker } from './membership-checker';
import type { StoragePromises } from './promises';
import { SafetyViolation } from './violation';

interface KnownEntry {
  readonly entry: Entry;
  readonly previousTerm: Term;
  readonly bornMs: number;
}

interface CommittedEntry extends KnownEntry {
  /** The term of the leader that committed it, which may be later than the entry's own. */
  readonly committedInTerm: Term;
}

/** What the checker remembers of one process. */
interface Watched {
  /** terms[i] is the term at index i that was compared last. */
  readonly terms: Term[];
  commitIndex: number;
  ledTerm: Term;
  logClockMs: number;
}

/** Looking at what a leader believes takes longer than the rest: not after every step. */
const BELIEFS_EVERY = 8;

function verify(condition: boolean, message: () => string): void {
  if (!condition) throw new SafetyViolation(message());
}

/**
 * Looks at a server after each of its steps and compares it with everything that was ever seen (Raft figure 3). What servers tell each other does not
 * matter here: the checker sees into all of them.
 */
export class Checker {
  private readonly leaders = new Map<Term, ServerId>();
  private readonly known = new Map<string, KnownEntry>();
  /** committed[i]: the entry at index i, once any server has said that it is committed. */
  private readonly committed: CommittedEntry[] = [];
  private readonly watched = new Map<Raft, Watched>();
  readonly members: MembershipChecker;
  /** fingerprints[i]: of the state behind entry i. */
  private readonly fingerprints: number[] = [];
  /** When which process stood still. */
  private readonly stops = new Map<
    ServerId,
    { readonly fromMs: number; readonly toMs: number }[]
  >();

  constructor(
    private readonly disks: readonly StoragePromises[],
    protected readonly coverage: Coverage,
    private readonly electionTimeoutMs: number,
  ) {
    this.members = new MembershipChecker(disks, coverage);
  }

  /** The newest term that has had a leader. */
  newestTerm: Term = 0;

  /** The highest index that is known to be committed. */
  get committedIndex(): number {
    return Math.max(0, this.committed.length - 1);
  }

  /** The entry that is committed at `index`, if one is. */
  committedAt(index: number): Entry | undefined {
    return this.committed[index]?.entry;
  }

  /** To be called after every step of a server. */
  afterStep(raft: Raft, nowMs: number, raftNowMs: number): void {
    this.coverage.steps += 1;
    let watched = this.watched.get(raft);
    if (watched === undefined) {
      watched = { terms: [], commitIndex: 0, ledTerm: 0, logClockMs: 0 };
      this.watched.set(raft, watched);
    }
    const lastIndexBefore = watched.terms.length - 1;
    this.checkLog(raft, watched, nowMs);
    this.checkCommit(raft, watched, lastIndexBefore);
    this.members.afterStep(raft);
    if (raft.role === 'leader') this.checkLeader(raft, watched, raftNowMs);
  }

  /** State machine safety: behind an entry all replicas are in the same state. */
  applied(server: ServerId, index: number, fingerprint: number): void {
    const known = this.fingerprints[index];
    verify(
      known === undefined || known === fingerprint,
      () => `server ${server} is in another state behind entry ${index} than was seen before`,
    );
    this.fingerprints[index] = fingerprint;
  }

  /** A server applies its next entry, which must follow the last one and be the one that is committed there. */
  onApply(server: ServerId, entry: Entry, appliedIndex: number): void {
    const committed = this.committedAt(entry.index);
    verify(
      entry.index === appliedIndex + 1 && committed?.term === entry.term,
      () =>
        `server ${server} applies ${entry.index} of term ${entry.term} after ${appliedIndex}; ` +
        `committed there is term ${committed?.term}`,
    );
  }

  /** A quorum has answered after the read began, so none can have elected somebody else before (dissertation §6.4). */
  onReadConfirmed(server: ServerId, term: Term, termBefore: Term): void {
    verify(
      term >= termBefore,
      () =>
        `a read of server ${server} is confirmed in term ${term}; term ${termBefore} had a leader before it began`,
    );
  }

  /** A process did not run, and so nobody could reach it. */
  stoodStill(id: ServerId, fromMs: number, toMs: number): void {
    const stops = this.stops.get(id);
    if (stops === undefined) this.stops.set(id, [{ fromMs, toMs }]);
    else stops.push({ fromMs, toMs });
  }

  forget(raft: Raft): void {
    this.watched.delete(raft);
    this.members.forget(raft);
  }

  /** A restart has found this on a disk. */
  onRecovered(disk: StoragePromises, found: Recovered): void {
    disk.recovered(found);
  }

  /** Nobody may say what a crash could take back: votes and acknowledged entries are on the sender's disk when they are sent. */
  onSend(message: Message): void {
    const disk = this.disks[message.from - 1] as StoragePromises;
    const durable = disk.durableVote();
    // A disk in a later term has had all that this term needed.
    if (durable.term > message.term) return;
    const { from, term } = message;
    switch (message.type) {
      case 'requestVote':
        if (!message.preVote) this.requireVote(from, term, from);
        break;
      case 'requestVoteReply':
        if (!message.preVote && message.granted) this.requireVote(from, term, message.to);
        break;
      case 'appendEntriesReply':
        verify(
          !message.success || disk.has(message.matchIndex),
          () => `server ${from} acknowledges ${message.matchIndex}, which is not on its disk`,
        );
        break;
      default:
    }
  }

  private requireVote(server: ServerId, term: Term, votedFor: ServerId): void {
    const durable = (this.disks[server - 1] as StoragePromises).durableVote();
    verify(
      durable.term > term || (durable.term === term && durable.votedFor === votedFor),
      () => `server ${server} uses a vote for ${votedFor} in term ${term} that is not on its disk`,
    );
  }

  /** Log matching: an entry is known by its index and term, and so is everything before it. */
  private checkLog(raft: Raft, watched: Watched, nowMs: number): void {
    const { terms } = watched;
    let same = Math.min(terms.length - 1, raft.lastIndex);
    while (same >= raft.firstIndex && terms[same] !== raft.termAt(same)) same -= 1;
    terms.length = Math.max(0, Math.min(same, raft.lastIndex) + 1);
    for (let index = Math.max(same + 1, raft.firstIndex); index <= raft.lastIndex; index += 1) {
      const entry = raft.entryAt(index) as Entry;
      terms[index] = entry.term;
      this.checkEntry(raft, entry, raft.termAt(index - 1) ?? 0, nowMs);
      if (entry.kind === 2) this.members.onAppended(raft, this.committedIndex);
    }
  }

  private checkEntry(raft: Raft, entry: Entry, previousTerm: Term, nowMs: number): void {
    const key = `${entry.index}/${entry.term}`;
    const known = this.known.get(key);
    if (known === undefined) {
      this.known.set(key, { entry, previousTerm, bornMs: nowMs });
      return;
    }
    const same =
      known.previousTerm === previousTerm &&
      known.entry.kind === entry.kind &&
      known.entry.clientId === entry.clientId &&
      known.entry.sequence === entry.sequence &&
      known.entry.stampMs === entry.stampMs;
    verify(
      same,
      () => `log matching: server ${raft.id} has another entry ${key} than was seen before`,
    );
  }

  /** State machine safety: what is committed at an index is the same for all, and stays. */
  private checkCommit(raft: Raft, watched: Watched, lastIndexBefore: number): void {
    verify(
      raft.commitIndex >= watched.commitIndex,
      () =>
        `commit index of server ${raft.id} went from ${watched.commitIndex} to ${raft.commitIndex}`,
    );
    verify(
      raft.role !== 'leader' ||
        raft.commitIndex === watched.commitIndex ||
        raft.termAt(raft.commitIndex) === raft.term ||
        watched.ledTerm !== raft.term,
      () => `leader ${raft.id} of term ${raft.term} commits ${raft.commitIndex} of an earlier term`,
    );
    const from = Math.max(watched.commitIndex + 1, raft.firstIndex);
    for (let index = from; index <= raft.commitIndex; index += 1) {
      const term = raft.termAt(index) as Term;
      const committed = this.committed[index];
      if (committed === undefined) this.recordCommit(raft, index, term, lastIndexBefore);
      else {
        verify(
          committed.entry.term === term,
          () =>
            `server ${raft.id} commits term ${term} at ${index}, where term ${committed.entry.term} is committed`,
        );
      }
    }
    watched.commitIndex = raft.commitIndex;
  }

  private recordCommit(raft: Raft, index: number, term: Term, lastIndexBefore: number): void {
    verify(
      index <= this.committed.length || this.committed.length === 0,
      () => `server ${raft.id} commits ${index}, known is ${this.committed.length - 1}`,
    );
    const known = this.known.get(`${index}/${term}`) as KnownEntry;
    // Index 1 is the configuration that every server was started with; it is on no disk before the first write.
    if (index > 1) this.members.onDecided(raft, index, term, lastIndexBefore);
    this.checkStamp(known, this.committed[index - 1]);
    this.committed[index] = { ...known, committedInTerm: raft.term };
    if (known.entry.kind === 2) this.members.onCommitted(raft, known.entry);
    this.coverage.commits += 1;
  }

  /** The log clock never goes back, and never runs faster than time in which leases could be renewed: none ends early. */
  private checkStamp(known: KnownEntry, before: KnownEntry | undefined): void {
    if (before === undefined) return;
    const passed = known.entry.stampMs - before.entry.stampMs;
    const allowed = this.renewableMs(before, known);
    verify(
      passed >= 0 && passed <= Math.max(0, allowed) + 1,
      () =>
        `log clock: ${passed} ms between entries ${before.entry.index} and ${known.entry.index}, ` +
        `which were appended ${known.bornMs - before.bornMs} ms apart; ${allowed} ms of these may count`,
    );
  }

  /** Of a change of leader, and of each time that the leader stood still, an election timeout may count at most (log-clock.ts). */
  private renewableMs(before: KnownEntry, known: KnownEntry): number {
    const most = this.electionTimeoutMs;
    const passedMs = known.bornMs - before.bornMs;
    if (known.entry.term !== before.entry.term) return Math.min(passedMs, most);
    const leader = this.leaders.get(known.entry.term) as ServerId;
    let lostMs = 0;
    for (const { fromMs, toMs } of this.stops.get(leader) ?? []) {
      if (fromMs >= before.bornMs && toMs <= known.bornMs)
        lostMs += Math.max(0, toMs - fromMs - most);
    }
    return passedMs - lostMs;
  }

  /** Election safety, and leader completeness at the start of a term. */
  private checkLeader(raft: Raft, watched: Watched, raftNowMs: number): void {
    const logClockMs = raft.logClockMs(raftNowMs);
    if (watched.ledTerm === raft.term) {
      verify(
        logClockMs >= watched.logClockMs,
        () => `log clock of leader ${raft.id} went from ${watched.logClockMs} to ${logClockMs}`,
      );
      watched.logClockMs = logClockMs;
      if (this.coverage.steps % BELIEFS_EVERY === 0) checkBeliefs(raft, this.disks, raftNowMs);
      return;
    }
    watched.ledTerm = raft.term;
    watched.logClockMs = logClockMs;
    const leader = this.leaders.get(raft.term);
    verify(
      leader === undefined || leader === raft.id,
      () => `servers ${leader} and ${raft.id} both lead term ${raft.term}`,
    );
    if (leader === undefined) this.coverage.elections += 1;
    this.leaders.set(raft.term, raft.id);
    this.newestTerm = Math.max(this.newestTerm, raft.term);
    this.requireVote(raft.id, raft.term, raft.id);
    this.members.onElected(raft);
    for (let index = raft.firstIndex - 1; index < this.committed.length; index += 1) {
      const committed = this.committed[index];
      // A server that was frozen may learn late that it won an old term, and owes that term nothing that came after.
      if (committed === undefined || committed.committedInTerm >= raft.term) continue;
      verify(
        raft.termAt(index) === committed.entry.term,
        () => `leader ${raft.id} of term ${raft.term} lacks committed entry ${index}`,
      );
    }
  }
}
