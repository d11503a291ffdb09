/*
 * Linearizable reads without a log entry (dissertation §6.4).
 *
 * A leader may answer a read from its state once it knows (a) the commit index when the read came, (b) that it was still the leader after that,
 * and (c) that its state machine has applied that index. For (b) a quorum must answer a heartbeat that was sent after the read came.
 *
 * Which heartbeat an answer belongs to must be said by a number that the leader counts up. Tying answers to something the reader chose goes wrong
 * when a read is retried: the late answer to the first heartbeat, sent by a follower before it voted for somebody else, then confirms the
 * second attempt (etcd #20418: stale reads after a process was paused). Rounds are numbered by the leader, and an answer to round n confirms
 * the reads of rounds up to n only.
 *
 * A new leader's commit index may be behind what its predecessor acknowledged, until an entry of its own term is committed; reads wait for that (Raft §8).
 */
import type { ClockReading } from './freshness';
import type { LogIndex, ServerId } from './types';

/** Reads of one origin: this server or a follower that asked for a read index. */
export interface ReadRequest {
  readonly from: ServerId;
  /** Of the process that asks; 0 for this one. */
  readonly runId: number;
  readonly tickets: readonly number[];
}

/** Reads whose round a quorum has answered. */
export interface ConfirmedReads {
  readonly index: LogIndex;
  readonly requests: readonly ReadRequest[];
}

interface Round {
  readonly number: number;
  readonly sentAtMs: number;
  readonly index: LogIndex;
  readonly requests: readonly ReadRequest[];
  readonly readings: ReadonlyMap<ServerId, ClockReading>;
}

/** Rounds with reads that may be under way at once; more reads wait and share the next one. */
const READ_ROUNDS_MAX = 8;

/** The leader's heartbeat rounds and the reads that wait for them. */
export class ReadRounds {
  private newest = 0;
  private confirmed = 0;
  private queue: ReadRequest[] = [];
  private underWay: Round[] = [];
  private waitingTickets = 0;
  private newestConfirmed: Round | undefined;

  /** The number of the newest round. */
  get round(): number {
    return this.newest;
  }

  /** The newest round that a quorum has answered, of those that began with a commit index of this term. */
  get proof(): Pick<Round, 'sentAtMs' | 'index' | 'readings'> | undefined {
    return this.newestConfirmed;
  }

  /** How many reads wait. */
  get pendingReads(): number {
    return this.waitingTickets;
  }

  /** A read came; it takes part in the next round that begins. */
  add(request: ReadRequest): void {
    this.queue.push(request);
    this.waitingTickets += request.tickets.length;
  }

  /** True when a round should begin for the sake of reads. */
  wantsRound(): boolean {
    if (this.queue.length === 0) return false;
    return this.underWay.filter((round) => round.requests.length > 0).length < READ_ROUNDS_MAX;
  }

  /**
   * Begins a round: everything that is queued takes part in it.
   *
   * @param readIndex the commit index now; undefined while the leader has not committed an entry of its own term, and reads keep waiting.
   * @param readings the clocks of the others, as far as they have been heard.
   */
  begin(
    nowMs: number,
    readIndex: LogIndex | undefined,
    readings: ReadonlyMap<ServerId, ClockReading>,
  ): number {
    this.newest += 1;
    const requests = readIndex === undefined ? [] : this.queue;
    if (readIndex !== undefined) this.queue = [];
    this.underWay.push({
      number: this.newest,
      sentAtMs: nowMs,
      index: readIndex ?? 0,
      requests,
      readings,
    });
    return this.newest;
  }

  /**
   * Looks at which round a quorum has answered.
   *
   * @param answered the newest round that a quorum of the voters answered; a leader that is one answers its own at once.
   */
  confirm(answered: number): { sentAtMs: number | undefined; reads: readonly ConfirmedReads[] } {
    this.confirmed = Math.max(this.confirmed, answered);
    const done = this.underWay.filter((round) => round.number <= this.confirmed);
    if (done.length === 0) return { sentAtMs: undefined, reads: [] };
    this.underWay = this.underWay.slice(done.length);
    this.newestConfirmed = done.findLast(({ index }) => index > 0) ?? this.newestConfirmed;
    const reads = done.filter((round) => round.requests.length > 0);
    for (const { requests } of reads) {
      for (const request of requests) this.waitingTickets -= request.tickets.length;
    }
    return { sentAtMs: done.at(-1)?.sentAtMs, reads };
  }

  /** Everything that waits, when leadership is lost. */
  drain(): readonly ReadRequest[] {
    const requests = [...this.underWay.flatMap((round) => round.requests), ...this.queue];
    this.underWay = [];
    this.queue = [];
    this.waitingTickets = 0;
    return requests;
  }
}

/** The reads of a follower that have been passed to the leader, or are about to be. */
export class ForwardedReads {
  /** All that wait for an answer, sent or not. */
  private readonly tickets = new Set<number>();
  private unsent: number[] = [];
  private sentAtMs = 0;

  get pendingReads(): number {
    return this.tickets.size;
  }

  add(tickets: readonly number[]): void {
    for (const ticket of tickets) {
      this.tickets.add(ticket);
      this.unsent.push(ticket);
    }
  }

  /** What to send now: new reads, or all when an answer is overdue. Reads change nothing, so asking twice is safe. */
  takeForSending(nowMs: number, timeoutMs: number): readonly number[] {
    const overdue = this.tickets.size > 0 && nowMs - this.sentAtMs >= timeoutMs;
    const tickets = overdue ? [...this.tickets] : this.unsent;
    if (tickets.length > 0) this.sentAtMs = nowMs;
    this.unsent = [];
    return tickets;
  }

  /** True when {@link takeForSending} would yield something. */
  wantsSending(nowMs: number, timeoutMs: number): boolean {
    return this.unsent.length > 0 || (this.tickets.size > 0 && nowMs - this.sentAtMs >= timeoutMs);
  }

  /** @returns those of `tickets` that were waiting; they are not any more. */
  answered(tickets: readonly number[]): readonly number[] {
    return tickets.filter((ticket) => this.tickets.delete(ticket));
  }

  /** Everything that waits, when the leader is gone. */
  drain(): readonly number[] {
    const tickets = [...this.tickets];
    this.tickets.clear();
    this.unsent = [];
    return tickets;
  }
}
