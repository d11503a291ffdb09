/*
 * One test a rule of the paper. Each has three parts: init, act, check.
 */
import { entry, Group, Harness, recovered } from '../../test/core-harness';
import type { AppendEntries, Message, RequestVote } from './messages';

function voteRequest(fields: Partial<RequestVote>): RequestVote {
  return {
    type: 'requestVote',
    from: 2,
    to: 1,
    term: 5,
    preVote: false,
    lastLogIndex: 10,
    lastLogTerm: 4,
    leadershipTransfer: false,
    ...fields,
  };
}

function append(fields: Partial<AppendEntries>): AppendEntries {
  return {
    type: 'appendEntries',
    from: 2,
    to: 1,
    term: 3,
    prevLogIndex: 1,
    prevLogTerm: 1,
    entries: [],
    leaderCommit: 0,
    ...fields,
  };
}

function heartbeatOf(term: number) {
  return { type: 'heartbeat', from: 3, to: 1, term, leaderCommit: 0, round: 1 } as const;
}

describe('terms (§5.1)', () => {
  it.each(['leader', 'candidate'] as const)('a %s that sees a newer term follows', (role) => {
    const server = new Harness({ id: 1, members: 3 });
    if (role === 'leader') server.becomeLeader(2);
    else
      server.persist().tick(500).receive({
        type: 'requestVoteReply',
        from: 2,
        to: 1,
        term: 2,
        preVote: true,
        granted: true,
      });
    expect(server.raft.role).toBe(role);

    server.receive(append({ term: 9, prevLogIndex: 1 }));

    expect(server.raft.role).toBe('follower');
    expect(server.raft.term).toBe(9);
    expect(server.raft.leaderId).toBe(2);
  });

  it('a leader of an older term is told the newer one', () => {
    const server = new Harness({
      id: 1,
      members: 3,
      initialState: recovered(3, [], { currentTerm: 7 }),
    });

    server.receive(append({ term: 3, entries: [entry(2, 3)] }));

    expect(server.take()).toMatchObject([{ type: 'heartbeatReply', to: 2, term: 7 }]);
    expect(server.raft.lastIndex).toBe(1);
  });
});

describe('elections (§5.2)', () => {
  it('a follower that hears nothing for its election timeout asks for votes', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();

    server.tick(490);
    expect(server.raft.role).toBe('follower');
    server.tick(10);

    expect(server.raft.role).toBe('preCandidate');
    expect(server.take().map(({ to }) => to)).toEqual([2, 3]);
  });

  it('election timeouts are spread over T to 2T', () => {
    const server = new Harness({ id: 1, members: 3, random: () => 0.9 });

    server.tick(940);
    expect(server.raft.role).toBe('follower');
    server.tick(20);

    expect(server.raft.role).toBe('preCandidate');
  });

  it('a candidate with a majority leads, and says so at once', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2);

    expect(server.raft.role).toBe('leader');
    expect(server.take().filter(({ type }) => type === 'appendEntries')).toHaveLength(2);
  });

  it('a candidate that hears the leader of its term follows it', () => {
    const server = new Harness({ id: 1, members: 3 }).persist().tick(500);
    server.receive({
      type: 'requestVoteReply',
      from: 2,
      to: 1,
      term: 2,
      preVote: true,
      granted: true,
    });
    expect(server.raft.role).toBe('candidate');

    server.receive({ type: 'heartbeat', from: 3, to: 1, term: 2, leaderCommit: 1, round: 1 });

    expect(server.raft.role).toBe('follower');
    expect(server.raft.leaderId).toBe(3);
  });

  it('one vote a term, first come first served, also after a restart (E4)', () => {
    const server = new Harness({ id: 1, members: 3, initialState: recovered(3, [4]) });
    server.receive(voteRequest({ from: 2 })).persist();
    expect(server.sent('requestVoteReply')).toMatchObject({ to: 2, granted: true, term: 5 });
    const hardState = server.written.at(-1)?.hardState;
    expect(hardState).toMatchObject({ currentTerm: 5, votedFor: 2 });

    const restarted = new Harness({
      id: 1,
      members: 3,
      initialState: recovered(3, [4], hardState),
    });
    restarted.receive(voteRequest({ from: 3 })).persist();
    expect(restarted.sent('requestVoteReply')).toMatchObject({ to: 3, granted: false });
    restarted.receive(voteRequest({ from: 2 })).persist();
    expect(restarted.sent('requestVoteReply')).toMatchObject({ to: 2, granted: true });
  });

  it('a candidate of an older term gets no vote, and is told the newer one', () => {
    const server = new Harness({
      ...{ id: 1, members: 3 },
      initialState: recovered(3, [], { currentTerm: 7 }),
    });

    server.receive(voteRequest({ from: 2, term: 5, lastLogIndex: 9, lastLogTerm: 4 })).persist();

    expect(server.sent('requestVoteReply')).toMatchObject({ to: 2, granted: false, term: 7 });
    expect(server.raft.term).toBe(7);
  });

  it('a vote leaves only when it is on disk', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();

    server.receive(voteRequest({}));
    expect(server.take()).toEqual([]);
    server.persist();

    expect(server.take()).toMatchObject([{ type: 'requestVoteReply', granted: true }]);
  });

  it('the own vote counts only when it is on disk, and votes are asked for only then (E5)', () => {
    const server = new Harness({ id: 1, members: 3 }).persist().tick(500);
    server.receive({
      type: 'requestVoteReply',
      from: 2,
      to: 1,
      term: 2,
      preVote: true,
      granted: true,
    });
    expect(server.raft.role).toBe('candidate');
    expect(server.sent('requestVote')).toMatchObject({ preVote: true });

    server.receive({
      type: 'requestVoteReply',
      from: 2,
      to: 1,
      term: 2,
      preVote: false,
      granted: true,
    });
    expect(server.raft.role).toBe('candidate');
    server.persist();

    expect(server.sent('requestVote')).toMatchObject({ preVote: false });
    expect(server.raft.role).toBe('leader');
  });

  it('there is a first leader, another one when it is gone, and none without a quorum (E1)', () => {
    const group = new Group(3).elect(2);
    expect(group.server(1).raft.leaderId).toBe(2);

    group.cut = ({ from, to }) => from === 2 || to === 2;
    group.tick(600);
    expect([1, 3]).toContain(group.leader.raft.id);
    group.cut = () => true;
    group.tick(1200);

    expect(group.servers.filter(({ raft }) => raft.role === 'leader')).toEqual([]);
  });

  it('servers that campaign at the same time do not lock each other out (E2)', () => {
    const draws = [0.1, 0.5, 0.9, 0.3, 0.7];
    let draw = 0;
    const random = (): number => draws[(draw += 1) % draws.length] as number;
    const group = new Group(3, { random }).settle();
    for (const server of group.servers) server.tick(1000);

    group.tick(4000);

    expect(group.leader.raft.role).toBe('leader');
  });
});

describe('election restriction (§5.4.1)', () => {
  it.each([
    { log: 'shorter in the same term', lastLogTerm: 4, lastLogIndex: 2, granted: false },
    { log: 'equal', lastLogTerm: 4, lastLogIndex: 3, granted: true },
    { log: 'longer', lastLogTerm: 4, lastLogIndex: 9, granted: true },
    { log: 'longer, with an older last term', lastLogTerm: 3, lastLogIndex: 99, granted: false },
    { log: 'shorter, with a newer last term', lastLogTerm: 5, lastLogIndex: 1, granted: true },
  ])('a candidate whose log is $log: $granted (E3)', ({ lastLogTerm, lastLogIndex, granted }) => {
    const server = new Harness({ id: 1, members: 3, initialState: recovered(3, [2, 4]) });

    server.receive(voteRequest({ term: 6, lastLogTerm, lastLogIndex })).persist();

    expect(server.sent('requestVoteReply')).toMatchObject({ granted });
  });
});

describe('log replication (§5.3)', () => {
  it('refuses entries that do not fit, with a hint where the logs may agree', () => {
    const server = new Harness({ id: 1, members: 3, initialState: recovered(3, [2, 2, 2]) });

    server.receive(append({ term: 5, prevLogIndex: 4, prevLogTerm: 4, entries: [entry(5, 5)] }));
    server.persist();

    expect(server.sent('appendEntriesReply')).toMatchObject({
      success: false,
      matchIndex: 4,
      hintTerm: 2,
    });
    expect(server.terms).toEqual([1, 2, 2, 2]);
  });

  it('a conflict removes the entry and everything after it', () => {
    const server = new Harness({ id: 1, members: 3, initialState: recovered(3, [2, 2, 2]) });

    server.receive(append({ term: 3, entries: [entry(2, 2), entry(3, 3)], prevLogIndex: 1 }));

    expect(server.terms).toEqual([1, 2, 3]);
    expect(server.written.at(-1)?.entries.map(({ index }) => index)).toEqual([3]);
  });

  it('a repeated or late message removes nothing (R4)', () => {
    const server = new Harness({ id: 1, members: 3 });
    const first = append({ entries: [entry(2, 3)] });
    server
      .receive(first)
      .receive(append({ prevLogIndex: 2, prevLogTerm: 3, entries: [entry(3, 3)] }));

    server.receive(first).persist();

    expect(server.terms).toEqual([1, 3, 3]);
    expect(server.sent('appendEntriesReply')).toMatchObject({ success: true, matchIndex: 2 });
  });

  it('acknowledges what is on disk, not what has arrived', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();

    server.receive(append({ entries: [entry(2, 3)] }));
    expect(server.sent('appendEntriesReply')).toBeUndefined();
    server.persist();

    expect(server.sent('appendEntriesReply')).toMatchObject({ matchIndex: 2 });
  });

  it('a leader only appends to its log, whatever others of older terms say (figure 3)', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();
    server.propose(1, 2).persist();
    const before = server.terms;

    server.receive(append({ term: 1, prevLogIndex: 1, entries: [entry(2, 1)], leaderCommit: 2 }));
    server.receive({ ...heartbeatOf(1), leaderCommit: 4 });
    for (const hintIndex of [3, 0]) {
      server.receive({
        ...{ type: 'appendEntriesReply', from: 2, to: 1, term: 2, success: false },
        ...{ matchIndex: hintIndex + 1, hintIndex, hintTerm: 0 },
      });
    }
    server.tick(100).propose(3);

    expect(server.raft.role).toBe('leader');
    expect(server.terms).toEqual([...before, 2]);
  });

  it('never cuts what is committed, whatever it is told', () => {
    const server = new Harness({ id: 1, members: 3 });
    server.receive(append({ entries: [entry(2, 3)], leaderCommit: 2 }));

    const broken = append({ term: 4, prevLogIndex: 1, entries: [entry(2, 4), entry(3, 4)] });
    server.receive(broken);

    // What is committed equals the leader's log by leader completeness; a message that says otherwise cannot come from a leader.
    expect(server.terms).toEqual([1, 3, 4]);
  });

  it('a leader finds where a long wrong tail begins in a few round trips (R3)', () => {
    const group = new Group(3);
    const wrongState = recovered(3, Array<number>(150).fill(1));
    const rightState = recovered(3, [1, ...Array<number>(100).fill(2)]);
    const wrong = new Harness({ id: 3, members: 3, initialState: wrongState });
    group.servers[0] = new Harness({ id: 1, members: 3, initialState: rightState });
    group.servers[1] = new Harness({ id: 2, members: 3, initialState: rightState });
    group.servers[2] = wrong;
    let refusals = 0;
    group.cut = (message) => {
      if (message.type === 'appendEntriesReply' && !message.success) refusals += 1;
      return false;
    };

    group.elect(1).server(1).propose(1, 2, 3);
    group.settle().tick(300);

    expect(wrong.terms).toEqual(group.server(1).terms);
    expect(refusals).toBeLessThan(4);
  });
});

describe('commitment (§5.3, §5.4.2)', () => {
  it('commits what a majority has on disk, and applies it', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();
    server.propose(7).persist();
    expect(server.raft.commitIndex).toBe(1);

    server.acknowledge(2, 3);

    expect(server.raft.commitIndex).toBe(3);
    expect(server.applied.map(({ index }) => index)).toEqual([1, 2, 3]);
  });

  it('does not count the leader before its own disk, nor need it (R10)', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2);
    server.acknowledge(2, 2);
    expect(server.raft.commitIndex).toBe(1);

    server.acknowledge(3, 2);

    expect(server.raft.commitIndex).toBe(2);
    expect(server.raft.stableIndex).toBe(1);
  });

  it('figure 8: an entry of an older term is not committed by counting (R1)', () => {
    const initialState = recovered(5, [2], { currentTerm: 3 });
    const server = new Harness({ id: 1, members: 5, initialState }).becomeLeader(2, 3).persist();
    expect(server.raft.term).toBe(4);

    server.acknowledge(2, 2).acknowledge(3, 2);
    expect(server.raft.commitIndex).toBe(1);
    server.acknowledge(2, 3).acknowledge(3, 3);

    expect(server.raft.commitIndex).toBe(3);
  });

  it('a follower answers a round once, and learns what is committed from each of its heartbeats', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();
    const heartbeat = (term: number, round: number, leaderCommit: number): Message => {
      return { type: 'heartbeat', from: 2, to: 1, term, leaderCommit, round, readmittedRun: 0 };
    };
    const answers = (message: Message): unknown[] =>
      server
        .receive(message)
        .persist()
        .take()
        .filter(({ type }) => type === 'heartbeatReply');

    expect(answers(heartbeat(2, 1, 0))).toMatchObject([{ round: 1 }]);
    expect(answers(heartbeat(2, 1, 1))).toEqual([]);
    expect(server.raft.status(0).commitIndex).toBe(1);
    expect(answers(heartbeat(2, 2, 1))).toMatchObject([{ round: 2 }]);
    // Another leader counts its rounds for itself.
    expect(answers(heartbeat(3, 1, 1))).toMatchObject([{ round: 1 }]);
  });

  it('a heartbeat carries no commit index beyond what its receiver is known to have (R5)', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();
    server.acknowledge(2, 2).take();

    server.tick(60);

    const heartbeats = server.take().filter((message) => message.type === 'heartbeat');
    expect(heartbeats.filter(({ to }) => to === 2)).toMatchObject([
      { leaderCommit: 2 },
      { leaderCommit: 2 },
    ]);
    expect(heartbeats.filter(({ to }) => to === 3)).toMatchObject([
      { leaderCommit: 0 },
      { leaderCommit: 0 },
    ]);
  });

  it('a follower does not commit beyond the last entry that it is told of', () => {
    const server = new Harness({ id: 1, members: 3, initialState: recovered(3, [2, 2, 2]) });

    server.receive(append({ term: 3, prevLogIndex: 1, entries: [entry(2, 2)], leaderCommit: 9 }));

    expect(server.raft.commitIndex).toBe(2);
  });

  it('answers to an older term are ignored (R6)', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();

    server.acknowledge(2, 2, 1);

    expect(server.raft.commitIndex).toBe(1);
  });
});
