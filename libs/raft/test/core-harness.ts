import { createRaft } from '../src/core';
import type {
  ChangePlaced,
  Configuration,
  Entry,
  InitialState,
  Input,
  MemberChange,
  Message,
  Persist,
  ProposalPlaced,
  Raft,
  RaftEvent,
  RaftOptions,
  ReadReady,
  ServerId,
} from '../src/core';

/** Members 1 to `count`, all voters. */
export function configurationOf(count: number): Configuration {
  const members = Array.from({ length: count }, (_unused, offset) => ({
    id: offset + 1,
    address: `host-${offset + 1}:1`,
    voter: true,
  }));
  return { clusterId: 'test', members };
}

/** An entry with no more to it than its place. */
export function entry(index: number, term: number, kind: 1 | 2 | 3 | 4 = 1): Entry {
  const payload = new Uint8Array(8);
  return { version: 1, index, term, kind, stampMs: 0, clientId: '', sequence: 0, payload };
}

const empty: InitialState = {
  hardState: { currentTerm: 0, votedFor: 0, commitIndex: 0 },
  entries: [],
  snapshot: undefined,
  empty: true,
};

/** A log for a restart: entry 1 is the configuration, and then one entry of each of `terms`. */
export function recovered(
  count: number,
  terms: readonly number[],
  hardState: Partial<InitialState['hardState']> = {},
): InitialState {
  const first = new Harness({ id: 1, members: count }).written[0]?.entries[0] as Entry;
  return {
    hardState: { currentTerm: terms.at(-1) ?? 1, votedFor: 0, commitIndex: 1, ...hardState },
    entries: [first, ...terms.map((term, offset) => entry(offset + 2, term))],
    snapshot: undefined,
    empty: false,
  };
}

export interface HarnessOptions extends Partial<Omit<RaftOptions, 'id'>> {
  readonly id: ServerId;
  readonly members: number;
}

/** One core under a test's control: nothing is durable, sent or applied unless the test lets it. */
export class Harness {
  readonly raft: Raft;
  now = 0;
  /** Sent and not taken yet. */
  private outgoing: Message[] = [];
  private held: { readonly number: number; readonly messages: readonly Message[] }[] = [];
  /** Everything that storage was ever given. */
  readonly written: Persist[] = [];
  readonly applied: Entry[] = [];
  readonly placed: ProposalPlaced[] = [];
  readonly reads: ReadReady[] = [];
  readonly readsRefused: number[] = [];
  readonly snapshotsTo: ServerId[] = [];
  readonly changes: ChangePlaced[] = [];
  readonly events: RaftEvent[] = [];
  private durable = 0;

  constructor(options: HarnessOptions) {
    const { members, ...rest } = options;
    this.raft = createRaft(
      {
        initialState: empty,
        bootstrap: configurationOf(members),
        random: () => 0,
        ...rest,
      },
      0,
    );
    this.drain();
  }

  /** Takes what is ready. Writes stay under way, and what speaks for them is held back. */
  drain(): this {
    while (this.raft.hasReady()) {
      const ready = this.raft.takeReady();
      if (ready.persist !== undefined) this.written.push(ready.persist);
      this.outgoing.push(...ready.sendNow);
      this.held.push({
        number: this.written.at(-1)?.number ?? 0,
        messages: ready.sendAfterPersist,
      });
      this.applied.push(...ready.apply);
      this.placed.push(...ready.proposals);
      this.reads.push(...ready.reads);
      this.readsRefused.push(...ready.readsRefused);
      this.snapshotsTo.push(...ready.sendSnapshot);
      this.changes.push(...ready.changes);
      this.events.push(...ready.events);
      const last = ready.apply.at(-1);
      if (last !== undefined) this.raft.step({ type: 'applied', index: last.index }, this.now);
      const restored = ready.persist?.snapshot;
      if (restored !== undefined) this.applied.length = 0;
      this.release();
    }
    return this;
  }

  step(input: Input): this {
    this.raft.step(input, this.now);
    return this.drain();
  }

  receive(message: Message): this {
    return this.step({ type: 'message', message });
  }

  /** Everything that was written up to now is on disk. */
  persist(upTo = this.written.at(-1)?.number ?? 0): this {
    if (upTo <= this.durable) return this;
    this.durable = upTo;
    this.release();
    return this.step({ type: 'persisted', number: upTo });
  }

  private release(): void {
    while (this.held[0] !== undefined && this.held[0].number <= this.durable) {
      this.outgoing.push(...(this.held.shift()?.messages ?? []));
    }
  }

  /** Lets time pass in small steps. */
  tick(ms: number): this {
    for (let passed = 0; passed < ms; passed += 10) {
      this.now += 10;
      this.step({ type: 'tick' });
    }
    return this;
  }

  propose(...tickets: number[]): this {
    const proposals = tickets.map((ticket) => ({
      ticket,
      kind: 1 as const,
      clientId: 'client',
      sequence: ticket,
      payload: new Uint8Array(8),
    }));
    return this.step({ type: 'propose', proposals });
  }

  change(...changes: MemberChange[]): this {
    return this.step({ type: 'changeMembers', ticket: 1, changes });
  }

  read(...tickets: number[]): this {
    return this.step({ type: 'read', tickets });
  }

  /** What was sent since the last call. */
  take(): Message[] {
    const messages = this.outgoing;
    this.outgoing = [];
    return messages;
  }

  /** The last message of this type that was sent since the last {@link take}. */
  sent<Type extends Message['type']>(type: Type): Extract<Message, { type: Type }> | undefined {
    return this.outgoing.findLast(
      (message): message is Extract<Message, { type: Type }> => message.type === type,
    );
  }

  /** Makes it a candidate by time, then the leader by the votes of `voters`. */
  becomeLeader(...voters: ServerId[]): this {
    this.persist();
    this.tick(1000);
    for (const from of voters) {
      const term = this.raft.term + 1;
      if (this.raft.role !== 'preCandidate') break;
      this.receive({
        type: 'requestVoteReply',
        from,
        to: this.raft.id,
        term,
        preVote: true,
        granted: true,
      });
    }
    this.persist();
    for (const from of voters) {
      const { term, id: to } = this.raft;
      this.receive({ type: 'requestVoteReply', from, to, term, preVote: false, granted: true });
    }
    return this;
  }

  /** `from` has everything up to `matchIndex`. */
  acknowledge(from: ServerId, matchIndex: number, term = this.raft.term): this {
    return this.receive({
      type: 'appendEntriesReply',
      from,
      to: this.raft.id,
      term,
      success: true,
      matchIndex,
      hintIndex: 0,
      hintTerm: 0,
    });
  }

  /** The terms of the log, from the first entry on. */
  get terms(): number[] {
    const terms: number[] = [];
    for (let index = this.raft.firstIndex; index <= this.raft.lastIndex; index += 1) {
      terms.push(this.raft.termAt(index) as number);
    }
    return terms;
  }
}

/** Several harnesses and perfect links between them, unless `cut` says otherwise. */
export class Group {
  readonly servers: Harness[];
  /** True for messages that are lost. */
  cut: (message: Message) => boolean = () => false;

  constructor(
    count: number,
    options: Partial<HarnessOptions> = {},
    /** What only one of them has. */
    optionsOf: (id: ServerId) => Partial<HarnessOptions> = () => ({}),
  ) {
    this.servers = Array.from(
      { length: count },
      (_unused, offset) =>
        new Harness({
          random: () => (offset * 0.25) % 1,
          ...options,
          ...optionsOf(offset + 1),
          id: offset + 1,
          members: count,
        }),
    );
  }

  server(id: ServerId): Harness {
    return this.servers[id - 1] as Harness;
  }

  get leader(): Harness {
    const leaders = this.servers.filter(({ raft }) => raft.role === 'leader');
    return leaders.reduce((best, one) => (one.raft.term > best.raft.term ? one : best));
  }

  /** Delivers and writes until nothing happens any more. */
  settle(): this {
    for (let round = 0; round < 1000; round += 1) {
      for (const server of this.servers) server.persist();
      const messages = this.servers.flatMap((server) => server.take());
      if (messages.length === 0) return this;
      for (const message of messages) {
        if (!this.cut(message)) this.server(message.to).receive(message);
      }
    }
    throw new Error('the group does not come to rest');
  }

  /** Time passes for all, and what they send is delivered. */
  tick(ms: number): this {
    for (let passed = 0; passed < ms; passed += 10) {
      for (const server of this.servers) server.tick(10);
      this.settle();
    }
    return this;
  }

  /** Makes `id` the leader: only its time passes. */
  elect(id: ServerId): this {
    this.settle();
    for (const server of this.servers) if (server.raft.id !== id) server.now += 2000;
    this.server(id).tick(1000);
    for (let round = 0; round < 10 && this.server(id).raft.role !== 'leader'; round += 1) {
      this.settle();
      this.server(id).tick(10);
    }
    return this.settle();
  }
}
