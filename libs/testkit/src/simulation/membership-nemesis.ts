import type { MemberChange, ServerId, Term } from '@raftway/raft/core';
import type { SeededRandom } from '../random';
import type { SimulatedServer } from './server';
import type { Victims } from './victims';

/**
 * An operator who changes the members all the time: adds servers that were never in the group, and servers that were removed, promotes, demotes, removes (the leader for choice),
 * and replaces several at once. Whether a change is taken, and in time, is of no concern: the operator just goes on.
 */
export class MembershipNemesis {
  private running = true;
  private dueMs = 0;
  private newestTerm: Term = 0;

  constructor(
    private readonly random: SeededRandom,
    private readonly victims: Pick<Victims, 'queue' | 'servers' | 'trace'>,
    /** How many voters the operator wants at least and at most. */
    private readonly votersMin: number,
    private readonly votersMax: number,
  ) {
    this.scheduleNext();
  }

  stop(): void {
    this.running = false;
  }

  private scheduleNext(): void {
    const { queue } = this.victims;
    queue.after(this.random.integer(1, 4), () => {
      if (!this.running) return;
      const leader = this.newLeader();
      if (leader !== undefined && this.random.chance(0.7)) this.askAtOnce(leader);
      else if (queue.nowMs >= this.dueMs) this.askSomebody();
      this.scheduleNext();
    });
  }

  /** Whoever has just been elected: not having committed anything yet, he may not begin a change. */
  private newLeader(): SimulatedServer | undefined {
    const leader = this.leaders().find(({ raft }) => (raft?.term ?? 0) > this.newestTerm);
    this.newestTerm = leader?.raft?.term ?? this.newestTerm;
    return leader;
  }

  private leaders(): readonly SimulatedServer[] {
    return this.victims.servers.filter((server) => server.raft?.role === 'leader');
  }

  private askSomebody(): void {
    const { random } = this;
    this.dueMs = this.victims.queue.nowMs + random.integer(20, 200);
    const leaders = this.leaders();
    const asksLeader = random.chance(0.95);
    if (asksLeader && leaders.length === 0) return;
    const server = random.pick(asksLeader ? leaders : this.victims.servers);
    this.ask(server, this.choose(server));
  }

  /** Of an even number one goes: two leaders that begin so could decide apart, if they began before they have committed anything. */
  private askAtOnce(leader: SimulatedServer): void {
    const voters = votersOf(leader);
    const isEven = voters.length % 2 === 0 && voters.length > this.votersMin;
    this.ask(leader, isEven ? this.leave([this.random.pick(voters)]) : this.choose(leader));
  }

  private ask(server: SimulatedServer, changes: readonly MemberChange[]): void {
    if (changes.length === 0) return;
    this.victims.trace(() => `server ${server.id} is asked for ${JSON.stringify(changes)}`);
    server.changeMembers(changes);
  }

  private choose(server: SimulatedServer): readonly MemberChange[] {
    const members = server.raft?.configuration.members ?? [];
    if (members.length === 0) return [];
    const { random } = this;
    const { servers } = this.victims;
    const voters = votersOf(server);
    const learners = members.filter(({ voter }) => !voter).map(({ id }) => id);
    const strangers = servers
      .map(({ id }) => id)
      .filter((id) => !members.some((member) => member.id === id));
    const removable = voters.length > this.votersMin;
    const room = voters.length < this.votersMax;
    const someVoter = random.chance(0.4) ? server.id : random.pick(voters.concat(server.id));
    const dice = random.integer(1, 100);
    if (dice <= 32 && strangers.length > 0) {
      return [this.add(random.pick(strangers), room && random.chance(0.5))];
    }
    if (dice <= 62 && learners.length > 0) {
      // One of three is replaced, two come at once, two go for two: what needs a joint configuration.
      const coming = learners.slice(0, random.integer(1, 2));
      const surplus = voters.length + coming.length - this.votersMax;
      const going = this.pickSome(voters, Math.max(surplus, random.integer(1, 2)));
      if (voters.length + coming.length - going.length < this.votersMin) return [];
      return [...coming.map((id) => change('promote', id)), ...this.leave(going)];
    }
    if (dice <= 78 && removable) return this.leave([someVoter]);
    if (dice <= 95 && voters.length > this.votersMin + 1) {
      return this.leave(this.pickSome(voters, 2));
    }
    if (learners.length > 0) return [change('remove', random.pick(learners))];
    return [];
  }

  private add(id: ServerId, promote: boolean): MemberChange {
    return { type: 'add', id, address: `server-${id}:1`, promote };
  }

  private leave(ids: readonly ServerId[]): readonly MemberChange[] {
    return ids.map((id) => change(this.random.chance(0.75) ? 'remove' : 'demote', id));
  }

  private pickSome(ids: readonly ServerId[], count: number): readonly ServerId[] {
    const left = [...ids];
    const picked: ServerId[] = [];
    while (picked.length < count && left.length > 0) {
      const [id] = left.splice(this.random.integer(0, left.length - 1), 1);
      picked.push(id as ServerId);
    }
    return picked;
  }
}

function change(type: 'promote' | 'demote' | 'remove', id: ServerId): MemberChange {
  return { type, id };
}

function votersOf({ raft }: SimulatedServer): readonly ServerId[] {
  const members = raft?.configuration.members ?? [];
  return members.filter(({ voter }) => voter).map(({ id }) => id);
}
