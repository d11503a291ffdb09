import type { Configuration, MemberChange, ServerId } from '@raftway/raft/core';
import type { SeededRandom } from '../random';
import type { SimulatedServer } from './server';
import type { Victims } from './victims';

/**
 * An operator who changes the members all the time: adds servers that were never in the group, and servers that were removed, promotes, demotes, removes (the leader for choice),
 * and replaces several at once. Whether a change is taken, and in time, is of no concern: the operator just goes on.
 */
export class MembershipNemesis {
  private running = true;

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
    this.victims.queue.after(this.random.integer(20, 200), () => {
      if (!this.running) return;
      this.act();
      this.scheduleNext();
    });
  }

  private act(): void {
    const { random } = this;
    const { servers, trace } = this.victims;
    const leaders = servers.filter((server) => server.raft?.role === 'leader');
    const asksLeader = random.chance(0.95);
    if (asksLeader && leaders.length === 0) return;
    const server = random.pick(asksLeader ? leaders : servers);
    const { raft } = server;
    if (raft === undefined) return;
    const changes = this.choose(server, raft.configuration);
    if (changes.length === 0) return;
    trace(() => `server ${server.id} is asked for ${JSON.stringify(changes)}`);
    server.changeMembers(changes);
  }

  private choose(server: SimulatedServer, { members }: Configuration): readonly MemberChange[] {
    const { random } = this;
    const { servers } = this.victims;
    const voters = members.filter(({ voter }) => voter).map(({ id }) => id);
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
