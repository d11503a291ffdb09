import type { Input, Message, ServerId } from '@raftway/raft/core';
import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { Coverage } from './coverage';
import type { SnapshotAnswer, SnapshotFrame } from './snapshot-delivery';

/** How bad the network is; drawn once a run. */
export interface NetworkFaults {
  readonly loss: number;
  readonly duplication: number;
  /** How often a message takes up to `lateMaxMs` instead of a few milliseconds, and so arrives after later ones. */
  readonly lateness: number;
  readonly lateMaxMs: number;
}

const none: NetworkFaults = { loss: 0, duplication: 0, lateness: 0, lateMaxMs: 0 };

/** Who gets what the network carries. */
export interface NetworkReceiver {
  deliver(message: Message): void;
  deliverSnapshot(
    from: ServerId,
    frame: SnapshotFrame,
    answer: (answer: SnapshotAnswer) => void,
  ): void;
  /** False between a crash and the next start. */
  readonly isUp: boolean;
  /** What its end of a link has noticed. */
  tell(input: Input): void;
}

/** Links between servers that lose, repeat, delay and reorder, and that can be cut one way or both ways. */
export class SimulatedNetwork {
  private readonly receivers = new Map<ServerId, NetworkReceiver>();
  private readonly cut = new Set<string>();
  /** What has arrived at the end of a clogged link. */
  private readonly clogged = new Map<string, (() => void)[]>();
  private faults: NetworkFaults = none;

  constructor(
    private readonly queue: EventQueue,
    private readonly random: SeededRandom,
    private readonly coverage: Coverage,
    /** Sees everything that is sent, lost or not. */
    private readonly observe: (message: Message) => void,
  ) {}

  attach(id: ServerId, receiver: NetworkReceiver): void {
    this.receivers.set(id, receiver);
  }

  setFaults(faults: NetworkFaults): void {
    this.faults = faults;
  }

  /** Cuts one direction. */
  cutLink(from: ServerId, to: ServerId): void {
    this.cut.add(`${from}>${to}`);
  }

  /** Restores every link and, from now on, loses nothing. */
  heal(): void {
    this.cut.clear();
  }

  /** Holds up everything that arrives by this link. */
  clog(from: ServerId, to: ServerId): void {
    const link = `${from}>${to}`;
    if (!this.clogged.has(link)) this.clogged.set(link, []);
  }

  /** All that was held up arrives at once, or, with `withinMs`, one by one and in any order. */
  unclog(from: ServerId, to: ServerId, withinMs = 0): void {
    const link = `${from}>${to}`;
    const held = this.clogged.get(link) ?? [];
    this.clogged.delete(link);
    for (const arrive of held) {
      if (withinMs === 0) arrive();
      else this.queue.after(this.random.next() * withinMs, arrive);
    }
  }

  becomePerfect(): void {
    this.heal();
    for (const link of [...this.clogged.keys()]) {
      const [from, to] = link.split('>').map(Number) as [ServerId, ServerId];
      this.unclog(from, to);
    }
    this.faults = none;
  }

  send(message: Message): void {
    this.coverage.messages += 1;
    if (message.type === 'appendEntries') this.coverage.entriesSent += message.entries.length;
    this.observe(message);
    if (this.isCut(message.from, message.to) || this.random.chance(this.faults.loss)) {
      this.coverage.drops += 1;
      // Sometimes the sender's end of the link notices, and sometimes it is told that the peer is gone, which it is not.
      const noticed = this.random.next();
      const sender = this.receivers.get(message.from);
      if (noticed < 0.3) sender?.tell({ type: 'peerUnreachable', to: message.to });
      if (noticed < 0.05) sender?.tell({ type: 'peerGone', id: message.to });
      return;
    }
    const copies = this.random.chance(this.faults.duplication) ? 2 : 1;
    if (copies > 1) this.coverage.duplicates += 1;
    for (let copy = 0; copy < copies; copy += 1) {
      // What is under way when a link is cut still arrives: late answers are what makes an old leader believe in itself.
      this.queue.after(this.delayMs(), () => this.arrive(message));
    }
  }

  /** Carries a piece of a snapshot, and what is answered to it. */
  sendSnapshotFrame(
    from: ServerId,
    to: ServerId,
    frame: SnapshotFrame,
    onAnswer: (answer: SnapshotAnswer) => void,
  ): void {
    const answer = (what: SnapshotAnswer): void => this.carry(to, from, () => onAnswer(what));
    this.carry(from, to, () => this.receivers.get(to)?.deliverSnapshot(from, frame, answer));
  }

  private carry(from: ServerId, to: ServerId, deliver: () => void): void {
    if (this.isCut(from, to) || this.random.chance(this.faults.loss)) {
      this.coverage.drops += 1;
      return;
    }
    const copies = this.random.chance(this.faults.duplication) ? 2 : 1;
    if (copies > 1) this.coverage.duplicates += 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.queue.after(this.delayMs(), () => {
        const held = this.clogged.get(`${from}>${to}`);
        if (held === undefined) deliver();
        else held.push(deliver);
      });
    }
  }

  private arrive(message: Message): void {
    const deliver = (): void => {
      const receiver = this.receivers.get(message.to);
      if (receiver?.isUp !== false) receiver?.deliver(message);
      else this.receivers.get(message.from)?.tell({ type: 'peerGone', id: message.to });
    };
    const held = this.clogged.get(`${message.from}>${message.to}`);
    if (held === undefined) deliver();
    else held.push(deliver);
  }

  private isCut(from: ServerId, to: ServerId): boolean {
    return this.cut.has(`${from}>${to}`);
  }

  private delayMs(): number {
    const late = this.random.chance(this.faults.lateness);
    return late ? this.random.integer(20, this.faults.lateMaxMs) : 0.2 + this.random.next() * 4;
  }
}
