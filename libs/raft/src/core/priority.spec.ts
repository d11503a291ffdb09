/*
 * Priorities (ADR 017): leadership goes where it should live, and nobody is worse off for it.
 */
import { entry, Group, Harness } from '../../test/core-harness';
import type { Message } from './messages';
import { HandOverPatience } from './priority';
import type { ServerId } from './types';

const T_MS = 500;
const HEARTBEAT_MS = 50;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

/** Numbers in [0, 1) that depend on the seed alone. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

/** A group of servers with these priorities, which has a leader. */
function groupOf(
  priorities: readonly (number | undefined)[],
  leader: ServerId,
  random = randomFrom(1),
): Group {
  const priorityOf = (id: ServerId): number | undefined => priorities[id - 1];
  const group = new Group(priorities.length, { random }, (id) => ({ priority: priorityOf(id) }));
  return group.elect(leader);
}

/** Keeps what is sent from now on. What was cut stays cut. */
function listen(group: Group): Message[] {
  const heard: Message[] = [];
  const { cut } = group;
  group.cut = (message) => {
    heard.push(message);
    return cut(message);
  };
  return heard;
}

function asks(message: Message): boolean {
  return message.type === 'heartbeat' && message.trial === true;
}

function crash(group: Group, ...ids: ServerId[]): void {
  group.cut = ({ from, to }) => ids.includes(from) || ids.includes(to);
}

/** How long until one of `among` leads. */
function electionMs(group: Group, among: readonly ServerId[]): number {
  const leads = (): boolean => among.some((id) => group.server(id).raft.role === 'leader');
  for (let passedMs = 0; passedMs < 60_000; passedMs += 10) {
    if (leads()) return passedMs;
    group.tick(10);
  }
  throw new Error('nobody leads');
}

function onlyLinks(group: Group, links: readonly string[]): void {
  group.cut = ({ from, to }) =>
    !links.includes(`${from}-${to}`) && !links.includes(`${to}-${from}`);
}

describe('without priorities', () => {
  it('no message says anything of them', () => {
    const group = new Group(3);
    const heard = listen(group);
    group.elect(1).tick(30 * T_MS);

    expect(heard.length).toBeGreaterThan(100);
    const said = heard.filter(
      (message) =>
        (message.type === 'heartbeat' && (message.yields ?? message.trial) !== undefined) ||
        (message.type === 'heartbeatReply' &&
          (message.priority ?? message.electable) !== undefined),
    );
    expect(said).toEqual([]);
  });

  it('and with equal ones every run is what it was', () => {
    const runs = [undefined, 50, 0, 100].map((priority) => {
      const group = groupOf([priority, priority, priority], 2, randomFrom(3));
      const heard = listen(group);
      group.tick(15 * T_MS);
      crash(group, 2);
      const tookMs = electionMs(group, [1, 3]);
      const kinds = heard.map(({ type, from, to, term }) => `${type} ${from} ${to} ${term}`);
      return { tookMs, kinds, leader: group.leader.raft.id };
    });
    for (const run of runs) expect(run).toEqual(runs[0]);
  });
});

describe('leadership', () => {
  it('goes to the voter of the highest priority, after ten election timeouts', () => {
    const group = groupOf([1, 1, 9], 1);
    group.tick(9 * T_MS);
    expect(group.leader.raft.id).toBe(1);

    group.tick(3 * T_MS);

    expect(group.leader.raft).toMatchObject({ id: 3, term: 3 });
    group.tick(100 * T_MS);
    expect(group.leader.raft).toMatchObject({ id: 3, term: 3 });
  });

  it('goes there while clients write, and no write is refused for longer than it takes', () => {
    const group = groupOf([1, 1, 9], 1);
    const first = group.leader;
    let ticket = 0;
    for (let passedMs = 0; first.raft.role === 'leader'; passedMs += 10) {
      expect(passedMs).toBeLessThan(13 * T_MS);
      first.propose((ticket += 1));
      group.tick(10);
    }

    group.tick(100);

    expect(group.leader.raft.id).toBe(3);
    const refused = first.placed.filter((placed) => 'refusal' in placed);
    expect(refused.length).toBeLessThanOrEqual(HEARTBEAT_MS / 10);
  });

  it('counts the usual priority of one that has none as 50', () => {
    expect(groupOf([undefined, 49, 51], 2).tick(12 * T_MS).leader.raft.id).toBe(3);
    expect(groupOf([undefined, 49, 49], 2).tick(12 * T_MS).leader.raft.id).toBe(1);
  });

  it('stays where it is while the better one lacks what is committed', () => {
    const group = groupOf([1, 1, 9], 1);
    group.cut = ({ type, to }) => type === 'appendEntries' && to === 3;
    const heard = listen(group);
    for (let passed = 0; passed < 30; passed += 1) {
      group.leader.propose(passed);
      group.tick(T_MS);
    }
    expect(group.leader.raft.id).toBe(1);
    expect(heard.filter(asks)).toEqual([]);

    group.cut = () => false;
    group.tick(14 * T_MS);

    expect(group.leader.raft.id).toBe(3);
  });

  it('stays where it is while the better one is only a learner', () => {
    const group = groupOf([1, 1, 9], 1);
    const heard = listen(group);
    group.leader.change({ type: 'demote', id: 3 });
    group.tick(30 * T_MS);
    expect(group.leader.raft.id).toBe(1);
    expect(heard.filter(asks)).toEqual([]);

    group.leader.change({ type: 'promote', id: 3 });
    group.tick(12 * T_MS);

    expect(group.leader.raft.id).toBe(3);
  });

  it('waits for a change of members to end', () => {
    const group = groupOf([1, 1, 9], 1);
    group.tick(9 * T_MS);
    const acknowledges = ({ type }: Message): boolean => type === 'appendEntriesReply';
    group.cut = acknowledges;
    group.leader.change({ type: 'add', id: 4, address: 'host-4:1', promote: false });
    group.cut = (message) => acknowledges(message) || message.to === 4;

    group.tick(5 * T_MS);
    expect(group.leader.raft.id).toBe(1);

    group.cut = ({ to }) => to === 4;
    group.tick(12 * T_MS);
    expect(group.leader.raft.id).toBe(3);
  });

  it('does not go while a change of members began after the better one was asked', () => {
    const group = groupOf([1, 1, 9], 1);
    const heard = listen(group);
    while (!heard.some(asks)) group.tick(10);
    group.cut = ({ type }) => type === 'appendEntriesReply';
    group.leader.change({ type: 'demote', id: 2 });

    group.tick(T_MS);

    expect(group.leader.raft.id).toBe(1);
    expect(group.leader.propose(1).placed.at(-1)).toMatchObject({ ticket: 1, term: 2 });
  });

  it('waits for a snapshot to arrive, which the next leader would have to send anew', () => {
    const group = groupOf([1, 1, 9], 1);
    group.cut = ({ from, to }) => from === 2 || to === 2;
    group.leader.propose(1, 2, 3, 4, 5);
    group.tick(T_MS);
    const { leader } = group;
    const { commitIndex: lastIncludedIndex, configuration } = leader.raft;
    const snapshot = { lastIncludedIndex, lastIncludedTerm: 2, stampMs: 0, configuration };
    leader.step({ type: 'snapshotTaken', snapshot, compactTo: lastIncludedIndex });
    group.cut = () => false;
    group.tick(30 * T_MS);
    expect(leader.snapshotsTo).toContain(2);
    expect(group.leader.raft.id).toBe(1);

    group.server(2).receive({ type: 'installSnapshot', from: 1, to: 2, term: 2, snapshot });
    group.tick(T_MS);

    expect(group.leader.raft.id).toBe(3);
  });

  it('does not go to one that may have forgotten what it promised, nor while there is such a one', () => {
    const group = groupOf([1, 1, 9], 1);
    const { term } = group.leader.raft;
    // It answers every heartbeat as a suspect, and never gets the entry that would bring it back.
    group.cut = ({ from, to }) => from === 2 || to === 2;
    for (let passed = 0; passed < 30 * T_MS; passed += HEARTBEAT_MS) {
      const round = group.server(1).sent('heartbeat')?.round ?? 1_000_000;
      const reply = { type: 'heartbeatReply', from: 2, to: 1, term, round, suspectRun: 7 } as const;
      group.server(1).receive(reply);
      group.tick(HEARTBEAT_MS);
    }
    expect(group.leader.raft).toMatchObject({ id: 1, term });
  });

  it('goes to the next best when the best would not be elected', () => {
    const group = groupOf([1, 9, 1, 5, 1], 1);
    const hears = (id: ServerId): boolean => id === 1 || id === 2;
    group.cut = ({ from, to }) => (from === 2 || to === 2) && !(hears(from) && hears(to));
    group.tick(15 * T_MS);
    expect(group.leader.raft.id).toBe(4);
  });

  it('is not offered to one that hears only the leader: the chain 4-2-3-5 (E11)', () => {
    const group = groupOf([9, 1, 1, 9, 1], 2);
    const { term } = group.leader.raft;
    onlyLinks(group, ['4-2', '2-3', '3-5']);
    const heard = listen(group);

    group.tick(120 * T_MS);

    expect(group.leader.raft).toMatchObject({ id: 2, term });
    expect(heard.some(asks)).toBe(true);
    expect(heard.some(({ type }) => type === 'timeoutNow')).toBe(false);

    group.cut = ({ from, to }) => from === 1 || to === 1;
    group.tick(200 * T_MS);
    expect(group.leader.raft.id).toBe(4);
  });

  it('that is handed over on purpose goes to the better one of two that are as far', () => {
    const group = groupOf([9, 1, 5], 1);
    group.tick(T_MS);
    group.leader.step({ type: 'transferLeadership', target: 0 });
    group.settle();
    expect(group.leader.raft.id).toBe(3);
  });
});

describe.each(SEEDS)('when the leader dies, seed %i', (seed) => {
  it('the voter of the next priority takes over', () => {
    const group = groupOf([9, 1, 5, 1, 1], 1, randomFrom(seed)).tick(T_MS);
    crash(group, 1);
    expect(electionMs(group, [2, 3, 4, 5])).toBeLessThan(2 * T_MS + 100);
    expect(group.server(3).raft.role).toBe('leader');
  });

  it('the others take no longer than ever when they are equal', () => {
    const group = groupOf([9, 1, 1], 1, randomFrom(seed)).tick(T_MS);
    crash(group, 1);
    const tookMs = electionMs(group, [2, 3]);
    const plain = groupOf([50, 50, 50], 1, randomFrom(seed)).tick(T_MS);
    crash(plain, 1);
    expect(tookMs).toBe(electionMs(plain, [2, 3]));
  });

  it('and the better one with it, somebody takes over within one more election timeout', () => {
    const group = groupOf([9, 0, 5, 0, 0], 1, randomFrom(seed)).tick(T_MS);
    crash(group, 1, 3);
    // Three servers may split their votes.
    const tookMs = electionMs(group, [2, 4, 5]);
    const plain = groupOf([50, 50, 50, 50, 50], 1, randomFrom(seed)).tick(T_MS);
    crash(plain, 1, 3);
    expect(tookMs).toBeLessThanOrEqual(electionMs(plain, [2, 4, 5]) + T_MS + 20);
  });

  it('one of priority 0 leads when only it has everything (E11)', () => {
    const group = groupOf([9, 0, 100], 1, randomFrom(seed)).tick(T_MS);
    group.cut = ({ type, to }) => type === 'appendEntries' && to === 3;
    group.leader.propose(1);
    group.tick(100);
    crash(group, 1);

    expect(electionMs(group, [2, 3])).toBeLessThan(3 * T_MS + 100);

    expect(group.server(2).raft.role).toBe('leader');
  });
});

describe('a follower that is to let another one campaign first', () => {
  function yielding(): Harness {
    const server = new Harness({ id: 1, members: 3, priority: 1 }).persist();
    const link = { from: 2, to: 1, term: 2 } as const;
    server.receive({ type: 'heartbeat', ...link, leaderCommit: 0, round: 1, yields: true });
    return server.persist();
  }

  it('waits one election timeout longer, once', () => {
    const server = yielding();
    server.take();
    server.tick(2 * T_MS - 10);
    expect(server.take()).toEqual([]);
    server.tick(10);
    expect(server.raft.role).toBe('preCandidate');
    server.take();

    server.tick(T_MS);
    expect(server.sent('requestVote')).toMatchObject({ preVote: true });
  });

  it('votes for anybody whose log is good enough, at once', () => {
    const server = yielding().tick(T_MS);
    const request = { type: 'requestVote', from: 3, to: 1, term: 3, preVote: false } as const;
    server.receive({ ...request, lastLogIndex: 1, lastLogTerm: 1, leadershipTransfer: false });
    expect(server.persist().sent('requestVoteReply')).toMatchObject({ granted: true });
  });

  it('does not wait when it is told that nobody better is there any more', () => {
    const server = yielding();
    server.receive({ type: 'heartbeat', from: 2, to: 1, term: 2, leaderCommit: 0, round: 2 });
    server.tick(T_MS);
    expect(server.raft.role).toBe('preCandidate');
  });

  it('comes after all others when the machine of the leader says that it has ended', () => {
    const group = groupOf([9, 1, 5], 1).tick(T_MS);
    crash(group, 1);
    for (const id of [2, 3]) group.server(id).step({ type: 'peerGone', id: 1 });
    expect(electionMs(group, [2, 3])).toBeLessThanOrEqual(3 * HEARTBEAT_MS + 20);
    expect(group.server(3).raft.role).toBe('leader');
  });
});

describe('a server that is asked whether it would be elected', () => {
  it('asks the others without changing its term, its vote or its leader', () => {
    const server = new Harness({ id: 1, members: 3, priority: 9 }).persist();
    const heartbeat = { type: 'heartbeat', from: 2, to: 1, term: 2, leaderCommit: 0 } as const;
    server.receive({ ...heartbeat, round: 1, trial: true }).persist();
    const asked = server.take().filter((message) => message.type === 'requestVote');
    expect(asked.map(({ to }) => to)).toEqual([2, 3]);
    // As if it had the leader's log already.
    expect(asked[0]).toMatchObject({ preVote: true, leadershipTransfer: true, lastLogTerm: 2 });
    expect(asked[0]?.lastLogIndex).toBeGreaterThan(1_000_000);
    expect(server.raft).toMatchObject({ role: 'follower', leaderId: 2, term: 2 });

    server.receive({ ...heartbeat, round: 2, trial: true });
    expect(server.sent('heartbeatReply')?.electable).toBeUndefined();
    const { term = 0 } = asked[0] ?? {};
    const link = { from: 3, to: 1, term } as const;
    server.receive({ type: 'requestVoteReply', ...link, preVote: true, granted: true });
    server.receive({ ...heartbeat, round: 3, trial: true });

    expect(server.sent('heartbeatReply')).toMatchObject({ electable: true, priority: 9 });
    expect(server.raft).toMatchObject({ role: 'follower', leaderId: 2, term: 2 });
    expect(server.written.every(({ hardState }) => (hardState?.votedFor ?? 0) === 0)).toBe(true);
  });

  it('would not be while its disk does not answer', () => {
    const server = new Harness({ id: 1, members: 3, diskStallTimeoutMs: 300 }).persist();
    const heartbeat = { type: 'heartbeat', from: 2, to: 1, term: 2, leaderCommit: 0 } as const;
    const answer = { type: 'requestVoteReply', from: 3, to: 1, term: 4 } as const;
    const isElectable = (round: number): boolean => {
      server.receive({ ...heartbeat, round, trial: true });
      server.receive({ ...answer, preVote: true, granted: true });
      server.receive({ ...heartbeat, round: round + 1, trial: true });
      const replies = server.persist(0).take();
      return replies.some((reply) => reply.type === 'heartbeatReply' && reply.electable === true);
    };
    server.receive({ ...heartbeat, round: 1 }).persist();
    expect(isElectable(2)).toBe(true);

    const entries = [entry(2, 2)];
    const append = { prevLogIndex: 1, prevLogTerm: 1, entries, leaderCommit: 0 };
    server.receive({ type: 'appendEntries', from: 2, to: 1, term: 2, ...append }).tick(300);

    expect(isElectable(4)).toBe(false);
  });

  it('does not depose its leader when one of them refuses in a newer term', () => {
    const server = new Harness({ id: 1, members: 3, priority: 9 }).persist();
    const heartbeat = { type: 'heartbeat', from: 2, to: 1, term: 2, leaderCommit: 0 } as const;
    server.receive({ ...heartbeat, round: 1, trial: true });
    const link = { from: 3, to: 1, term: 8 } as const;
    server.receive({ type: 'requestVoteReply', ...link, preVote: true, granted: false });
    expect(server.raft).toMatchObject({ role: 'follower', leaderId: 2, term: 2 });
  });

  it('does not take a late answer for one to a campaign of its own', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();
    const heartbeat = { type: 'heartbeat', from: 2, to: 1, term: 2, leaderCommit: 0 } as const;
    server.receive({ ...heartbeat, round: 1, trial: true }).persist();
    const { term = 0 } = server.sent('requestVote') ?? {};
    server.tick(T_MS);
    expect(server.raft.role).toBe('preCandidate');
    const link = { from: 3, to: 1, term } as const;
    server.receive({ type: 'requestVoteReply', ...link, preVote: true, granted: true });
    expect(server.raft).toMatchObject({ role: 'preCandidate', term: 2 });
  });
});

describe('the patience of a leader', () => {
  /** When it is over, for a voter that could lead all the time, in election timeouts. */
  function attempts(patience: HandOverPatience, fromMs: number, untilMs: number): number[] {
    const at: number[] = [];
    for (let nowMs = fromMs; nowMs <= untilMs; nowMs += T_MS) {
      if (!patience.isOver(3, fromMs, nowMs)) continue;
      patience.attempted(3, nowMs);
      at.push((nowMs - fromMs) / T_MS);
    }
    return at;
  }

  it('doubles with every attempt, up to sixteen times', () => {
    const patience = new HandOverPatience(T_MS);
    expect(attempts(patience, 0, 650 * T_MS)).toEqual([10, 30, 70, 150, 310, 470, 630]);
  });

  it('is as short as at first after long peace', () => {
    const patience = new HandOverPatience(T_MS);
    attempts(patience, 0, 200 * T_MS);
    expect(attempts(patience, 1000 * T_MS, 1010 * T_MS)).toEqual([10]);
  });

  it('is each server’s own', () => {
    const patience = new HandOverPatience(T_MS);
    patience.attempted(3, 10 * T_MS);
    expect(patience.isOver(4, 0, 10 * T_MS)).toBe(true);
    expect(patience.isOver(3, 0, 29 * T_MS)).toBe(false);
    expect(patience.isOver(3, 0, 30 * T_MS)).toBe(true);
  });
});

describe('a priority', () => {
  it.each([-1, 101, 1.5, NaN])('cannot be %d', (priority) => {
    expect(() => new Harness({ id: 1, members: 1, priority })).toThrow(
      'priority must be a whole number from 0 to 100',
    );
  });

  it('is in the status: the own one, and on the leader everybody’s', () => {
    const group = groupOf([7, undefined, 0], 1).tick(T_MS);
    const { priority, members } = group.server(1).raft.status(0);
    expect(priority).toBe(7);
    expect(members.map((member) => member.priority)).toEqual([7, 50, 0]);
    const seen = group.server(3).raft.status(0);
    expect(seen.priority).toBe(0);
    expect(seen.members.map((member) => member.priority)).toEqual([undefined, undefined, 0]);
  });
});
