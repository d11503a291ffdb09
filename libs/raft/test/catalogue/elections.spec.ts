import type { Message } from '../../src/core';
import { Group } from '../core-harness';

/** Makes servers of a version that does not ask before it campaigns: they neither send nor answer pre-votes, and open a term at once. */
function withoutPreVote(group: Group, old: readonly number[], isLost = group.cut): void {
  group.cut = (message: Message) => {
    const { from, to, term } = message;
    if (message.type !== 'requestVote' || !message.preVote) return isLost(message);
    if (!old.includes(from)) return old.includes(to) || isLost(message);
    // As if it had been told by somebody that it would win.
    const reply = { type: 'requestVoteReply', from: to, to: from, term } as const;
    group.server(from).receive({ ...reply, preVote: true, granted: true });
    return true;
  };
}

describe('election timeouts', () => {
  it('E9: servers that draw the same timeouts again and again lead sooner or later all the same', () => {
    // etcd #10483: with equal timeouts everywhere and a lease check the group locks up.
    let draws = 0;
    const random = (): number => {
      draws += 1;
      return draws <= 30 ? 0.5 : (draws * 0.37) % 1;
    };
    const group = new Group(3, { random });
    group.tick(15_000);
    expect(draws).toBeGreaterThan(30);
    expect(group.servers.filter(({ raft }) => raft.role === 'leader')).toHaveLength(1);
    const term = group.leader.raft.term;
    group.tick(5_000);
    expect(group.leader.raft.term).toBe(term);
  });
});

describe.each([[[3]], [[2, 3]], [[1, 2, 3]]])(
  'servers %j do not ask before they campaign',
  (old) => {
    it('E6: the others elect somebody with them, when the leader is gone, and when there was none', () => {
      for (const dead of [0, 1, 2, 3]) {
        const group = new Group(3);
        withoutPreVote(group, old);
        group.tick(10_000);
        group.cut = ({ from, to }) => from === dead || to === dead;
        withoutPreVote(group, old);

        group.tick(20_000);

        const led = group.servers.filter(({ raft }) => raft.role === 'leader' && raft.id !== dead);
        expect(led).toHaveLength(1);
        const before = led[0]?.raft.commitIndex ?? 0;
        led[0]?.propose(1);
        group.settle();
        expect(led[0]?.raft.commitIndex).toBeGreaterThan(before);
      }
    });

    it('E6: one of them that was cut off costs one election when it comes back, and no more', () => {
      const group = new Group(3).elect(1);
      withoutPreVote(group, old, ({ from, to }) => from === 3 || to === 3);
      group.tick(5_000);
      expect(group.server(3).raft.term).toBeGreaterThan(group.server(1).raft.term);

      withoutPreVote(group, old, () => false);
      group.tick(5_000);
      const { term, id } = group.leader.raft;
      group.tick(20_000);

      expect(group.leader.raft).toMatchObject({ id, term });
      expect(group.servers.every(({ raft }) => raft.leaderId === id)).toBe(true);
    });
  },
);

describe('a constrained election (OmniPaxos)', () => {
  it('N3: nobody is elected while the only server with a majority lacks what is committed, and somebody is with one link more', () => {
    const group = new Group(5).elect(5);
    group.cut = ({ from, to }) => from === 1 || to === 1;
    group.server(5).propose(1, 2, 3);
    group.tick(100);
    const { commitIndex } = group.server(5).raft;
    expect(group.server(1).raft.lastIndex).toBeLessThan(commitIndex);

    // A star around server 1; the leader is gone.
    const links = new Set(['1,2', '1,3', '1,4']);
    group.cut = ({ from, to }) => !links.has([from, to].sort().join());
    group.tick(60_000);

    const reachable = group.servers.filter(({ raft }) => raft.id !== 5);
    expect(reachable.map(({ raft }) => raft.role)).not.toContain('leader');
    // A limit of Raft, and one that harms nothing: no term was used up, and nothing that was committed is overwritten.
    expect(reachable.map(({ raft }) => raft.term)).toEqual([2, 2, 2, 2]);

    links.add('2,3');
    group.tick(10_000);

    expect(group.leader.raft.term).toBeGreaterThan(2);
    expect([2, 3]).toContain(group.leader.raft.id);
    expect(group.leader.raft.commitIndex).toBeGreaterThan(commitIndex);
    expect(group.leader.raft.termAt(commitIndex)).toBe(2);
  });
});
