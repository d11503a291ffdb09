/*
 * Partial connectivity, and leaders that have gone: scenarios that others' outages are named after. Each ends with one leader that commits, and with that leader still
 * in its term a minute later.
 */
import { Group } from '../../test/core-harness';

const MINUTE_MS = 60_000;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** Numbers in [0, 1) that depend on the seed alone. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

function groupOf(count: number, seed: number): Group {
  return new Group(count, { random: randomFrom(seed) });
}

/** Cuts every link that is not among these, in both directions. */
function onlyLinks(group: Group, links: readonly (readonly [number, number])[]): void {
  const open = new Set(links.flatMap(([one, two]) => [`${one}-${two}`, `${two}-${one}`]));
  group.cut = ({ from, to }) => !open.has(`${from}-${to}`);
}

/** One leader, which commits what it is given on a majority, now and throughout a minute, in one term. */
function expectOneStableLeader(group: Group, among: readonly number[]): void {
  const { raft } = group.leader;
  const { id, term } = raft;
  expect(among).toContain(id);
  for (let second = 0; second < 60; second += 1) {
    const before = raft.commitIndex;
    group.leader.propose(1000 + second);
    group.tick(MINUTE_MS / 60);
    expect(raft.commitIndex).toBeGreaterThan(before);
  }
  expect({ id: group.leader.raft.id, term: group.leader.raft.term }).toEqual({ id, term });
  const leading = group.servers.filter((server) => server.raft.role === 'leader');
  expect(leading.map((server) => server.raft.id)).toEqual([id]);
}

describe.each(SEEDS)('partial connectivity, seed %i', (seed) => {
  it('Cloudflare, 2 November 2020: leader and one follower do not see each other, the third sees both (N1)', () => {
    const group = groupOf(3, seed).elect(1);
    onlyLinks(group, [
      [1, 3],
      [2, 3],
    ]);

    group.tick(5_000);

    expectOneStableLeader(group, [1]);
    // The one that is cut off did not raise the term by campaigning.
    expect(group.server(2).raft.term).toBe(group.server(1).raft.term);
  });

  it('the chain 4-2-3-5 of Howard and Abraham: the leader is gone, and who has a majority of links leads (N2)', () => {
    const group = groupOf(5, seed).elect(1);
    onlyLinks(group, [
      [4, 2],
      [2, 3],
      [3, 5],
    ]);

    group.tick(10_000);

    expectOneStableLeader(group, [2, 3]);
    expect(group.server(1).raft.role).not.toBe('leader');
  });

  it('the chain, when an end of it has led: it steps down, since it reaches no majority', () => {
    const group = groupOf(5, seed).elect(4);
    onlyLinks(group, [
      [4, 2],
      [2, 3],
      [3, 5],
    ]);

    group.tick(10_000);

    expectOneStableLeader(group, [2, 3]);
  });

  it('a leader that is heard and hears nobody steps down, and another one takes over', () => {
    const group = groupOf(3, seed).elect(1);
    group.cut = ({ to }) => to === 1;

    group.tick(5_000);

    expectOneStableLeader(group, [2, 3]);
  });
});

describe('a leader whose machine says that its process has ended', () => {
  /** Server 1 led, and is dead: nothing goes to it and nothing comes from it. */
  function withDeadLeader(count: number): Group {
    const group = new Group(count).elect(1).tick(100);
    group.cut = ({ from, to }) => from === 1 || to === 1;
    for (const { raft } of group.servers) {
      if (raft.id !== 1) group.server(raft.id).step({ type: 'peerGone', id: 1 });
    }
    return group;
  }

  it('is replaced within two heartbeats, by one election', () => {
    const group = withDeadLeader(3);
    expect(group.server(2).raft.leaderId).toBe(0);

    group.tick(150);

    expect(group.server(2).raft).toMatchObject({ role: 'leader', term: 3 });
    expect(group.server(3).raft.leaderId).toBe(2);
  });

  it('is replaced by the next in line when the first lacks what is committed', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ type, to }) => type === 'appendEntries' && to === 2;
    group.server(1).propose(1);
    group.settle();
    group.cut = ({ from, to }) => from === 1 || to === 1;
    group.server(2).step({ type: 'peerGone', id: 1 });
    group.server(3).step({ type: 'peerGone', id: 1 });

    group.tick(250);

    expect(group.server(3).raft.role).toBe('leader');
    expect(group.server(2).raft.commitIndex).toBe(group.server(3).raft.commitIndex);
  });

  it('is followed again when it is heard within a heartbeat after all', () => {
    const group = new Group(3).elect(1);
    const { term } = group.server(1).raft;

    for (const id of [2, 3]) group.server(id).step({ type: 'peerGone', id: 1 });
    group.tick(3_000);

    expect(group.server(1).raft).toMatchObject({ role: 'leader', term });
    expect(group.server(2).raft.leaderId).toBe(1);
  });

  it('is not deposed by one follower alone that cannot reach it: the other hears it', () => {
    const group = new Group(3).elect(1);
    const { term } = group.server(1).raft;
    group.cut = ({ from, to }) => [from, to].sort().join() === '1,2';

    for (let second = 0; second < 10; second += 1) {
      group.server(2).step({ type: 'peerGone', id: 1 });
      group.tick(1_000);
    }

    expect(group.server(1).raft).toMatchObject({ role: 'leader', term });
    expect(group.server(3).raft.leaderId).toBe(1);
  });

  it('is none of the business of followers of another one, and of leaders', () => {
    const group = new Group(3).elect(1);

    group.server(2).step({ type: 'peerGone', id: 3 });
    group.server(1).step({ type: 'peerGone', id: 2 });

    expect(group.server(2).raft.leaderId).toBe(1);
    expect(group.server(1).raft.role).toBe('leader');
  });
});
