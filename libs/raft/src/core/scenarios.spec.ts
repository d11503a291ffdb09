/*
 * Named scenarios: mistakes that implementations of Raft have made. E is for election, R replication, L linearizable reads, S snapshots.
 */
import { configurationOf, entry, Group, Harness, recovered } from '../../test/core-harness';
import type { AppendEntries, Message } from './messages';
import type { SnapshotMetadata } from './types';

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

function heartbeatReply(from: number, round: number, term: number): Message {
  return { type: 'heartbeatReply', from, to: 1, term, round };
}

function snapshotAt(index: number, term: number): SnapshotMetadata {
  return {
    lastIncludedIndex: index,
    lastIncludedTerm: term,
    stampMs: 0,
    configuration: configurationOf(3),
  };
}

/** A leader of term 2 that has committed its first entry, index 2. */
function establishedLeader(options: object = {}): Harness {
  const server = new Harness({ id: 1, members: 3, ...options }).becomeLeader(2).persist();
  server.acknowledge(2, 2);
  server.take();
  return server;
}

describe('pre-vote (dissertation §9.6)', () => {
  it('a server that was cut off does not raise the term when it comes back (E7)', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ from, to }) => from === 3 || to === 3;
    group.tick(5000);
    expect(group.server(3).raft.role).not.toBe('leader');

    group.cut = () => false;
    group.tick(2000);

    expect(group.leader.raft.id).toBe(1);
    expect(group.server(3).raft.term).toBe(2);
  });

  it('whoever hears its leader helps nobody to depose it', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();
    server
      .receive({ type: 'heartbeat', from: 2, to: 1, term: 2, leaderCommit: 0, round: 1 })
      .persist()
      .take();

    for (const preVote of [true, false]) {
      server.receive({
        type: 'requestVote',
        from: 3,
        to: 1,
        term: 9,
        preVote,
        lastLogIndex: 9,
        lastLogTerm: 8,
        leadershipTransfer: false,
      });
    }

    expect(server.persist().take()).toEqual([]);
    expect(server.raft.term).toBe(2);
  });

  it('granting a pre-vote changes neither term, nor vote, nor timer', () => {
    const server = new Harness({ id: 1, members: 3 }).persist().tick(490);

    server.receive({
      type: 'requestVote',
      from: 3,
      to: 1,
      term: 2,
      preVote: true,
      lastLogIndex: 1,
      lastLogTerm: 1,
      leadershipTransfer: false,
    });
    expect(server.take()).toMatchObject([{ type: 'requestVoteReply', granted: true, term: 2 }]);
    expect(server.raft.term).toBe(1);
    server.tick(10);

    expect(server.raft.role).toBe('preCandidate');
  });
});

describe('giving up leadership', () => {
  it('a leader that no quorum answers for an election timeout steps down (dissertation §6.2)', () => {
    const server = establishedLeader();

    server.tick(500);
    expect(server.raft.role).toBe('leader');
    server.tick(10);

    expect(server.raft.role).toBe('follower');
    expect(server.raft.leaderId).toBe(0);
  });

  it('a leader whose disk does not answer steps down, and does not campaign', () => {
    const server = establishedLeader({ diskStallTimeoutMs: 1000 });
    server.propose(1);

    for (let round = 0; round < 11; round += 1) {
      server.tick(100).receive(heartbeatReply(2, 0, 2));
    }

    expect(server.raft.role).toBe('follower');
    expect(server.tick(3000).raft.role).toBe('follower');
  });

  it('a process that did not run for a while listens before it campaigns', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();

    server.now += 10_000;
    server.tick(10);
    expect(server.raft.role).toBe('follower');

    expect(server.tick(500).raft.role).toBe('preCandidate');
  });
});

describe('writes that complete late', () => {
  it('the write of an entry that was cut and written again meanwhile does not count (R9)', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();
    server.receive(append({ term: 2, entries: [entry(2, 2), entry(3, 2)] }));
    const ofTerm2 = server.written.at(-1)?.number as number;
    server.receive(append({ term: 3, from: 3, entries: [entry(2, 3)] }));
    server.receive(append({ term: 4, from: 2, entries: [entry(2, 2), entry(3, 2)] }));
    expect(server.terms).toEqual([1, 2, 2]);

    server.persist(ofTerm2);
    expect(server.raft.stableIndex).toBe(1);
    server.persist();

    expect(server.raft.stableIndex).toBe(3);
  });
});

describe('reads (dissertation §6.4)', () => {
  it('wait until a quorum has answered a round that began after them', () => {
    const server = establishedLeader();

    server.read(5);
    const round = server.sent('heartbeat')?.round as number;
    expect(server.reads).toEqual([]);
    server.receive(heartbeatReply(2, round, 2));

    expect(server.reads).toEqual([{ ticket: 5, index: 2 }]);
  });

  it('late answers to an earlier round confirm nothing (L3)', () => {
    const server = establishedLeader();
    server.read(5);
    const earlier = server.sent('heartbeat')?.round as number;
    server.read(6);

    server.receive(heartbeatReply(2, earlier, 2));

    expect(server.reads.map(({ ticket }) => ticket)).toEqual([5]);
  });

  it('wait for the first entry of the term to be committed (L2)', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();
    server.read(5).tick(60);
    const round = server.sent('heartbeat')?.round as number;
    server.receive(heartbeatReply(2, round, 2)).receive(heartbeatReply(3, round, 2));
    expect(server.reads).toEqual([]);

    server.acknowledge(2, 2);
    server.receive(heartbeatReply(2, server.sent('heartbeat')?.round as number, 2));

    expect(server.reads).toEqual([{ ticket: 5, index: 2 }]);
  });

  it('are refused by a leader in a minority once it notices (L1)', () => {
    const server = establishedLeader();
    server.read(5);

    server.tick(600);

    expect(server.reads).toEqual([]);
    expect(server.readsRefused).toEqual([5]);
  });

  it('share a round, however many they are', () => {
    const server = establishedLeader();
    for (let ticket = 1; ticket <= 50; ticket += 1) {
      server.raft.step({ type: 'read', tickets: [ticket] }, server.now);
    }

    const heartbeats = server.drain().take();

    expect(heartbeats).toHaveLength(2);
  });

  it('work on a follower, which asks the leader', () => {
    const group = new Group(3).elect(1);
    group.server(1).propose(1);
    group.settle();

    group.server(3).read(9);
    group.settle();

    expect(group.server(3).reads).toEqual([{ ticket: 9, index: group.server(1).raft.commitIndex }]);
  });

  it('ignore an answer to an earlier process', () => {
    const server = new Harness({ id: 1, members: 3, random: () => 0.5 }).persist();
    server
      .receive({ type: 'heartbeat', from: 2, to: 1, term: 2, leaderCommit: 0, round: 1 })
      .persist();
    server.read(1);
    const { runId } = server.sent('readIndexRequest') as { runId: number };

    const reply = { type: 'readIndexReply', from: 2, to: 1, term: 2, tickets: [1] } as const;
    server.receive({ ...reply, runId: runId + 1, readIndex: 1 });
    expect(server.reads).toEqual([]);
    server.receive({ ...reply, runId, readIndex: 7 });

    expect(server.reads).toEqual([{ ticket: 1, index: 7 }]);
  });

  it('work in a group of one', () => {
    const server = new Harness({ id: 1, members: 1 }).persist().tick(500).persist().persist();

    server.read(1);

    expect(server.reads).toEqual([{ ticket: 1, index: 2 }]);
  });
});

describe('proposals', () => {
  it('of one turn go to the leader in one message, and come back with their places', () => {
    const group = new Group(3).elect(1);
    const follower = group.server(2);
    follower.take();

    follower.propose(11, 12);
    expect(follower.sent('forwardProposals')?.proposals).toHaveLength(2);
    group.settle();

    expect(follower.placed).toEqual([
      { ticket: 11, index: 3, term: 2 },
      { ticket: 12, index: 4, term: 2 },
    ]);
  });

  it('are refused for certain where no leader is known', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();

    server.propose(1);

    expect(server.placed).toEqual([{ ticket: 1, refusal: 'noLeader' }]);
  });

  it('that arrive twice are taken once', () => {
    const group = new Group(3).elect(1);
    const follower = group.server(2);
    follower.take();
    follower.propose(1);
    const forward = follower.sent('forwardProposals') as Message;

    group.server(1).receive(forward).receive(forward);

    expect(group.server(1).raft.lastIndex).toBe(3);
  });

  it('are not refused by a leader that was restarted and may have taken them', () => {
    const forward: Message = {
      type: 'forwardProposals',
      from: 2,
      to: 1,
      term: 5,
      runId: 9,
      proposals: [{ ticket: 1, kind: 1, clientId: '', sequence: 0, payload: new Uint8Array(0) }],
    };
    const led = recovered(3, [2], { currentTerm: 5, votedFor: 1 });
    const followed = recovered(3, [2], { currentTerm: 5, votedFor: 2 });

    const silent = new Harness({ id: 1, members: 3, initialState: led }).receive(forward);
    const certain = new Harness({ id: 1, members: 3, initialState: followed }).receive(forward);

    expect(silent.take()).toEqual([]);
    expect(certain.take()).toMatchObject([{ type: 'forwardProposalsReply', refusal: 'notLeader' }]);
  });

  it('are refused while too many bytes are uncommitted, but for one command however large (R11)', () => {
    const server = establishedLeader({ uncommittedBytesMax: 1 });

    server.propose(1, 2).persist();
    expect(server.placed.slice(-2)).toEqual([
      { ticket: 1, index: 3, term: 2 },
      { ticket: 2, refusal: 'queueFull' },
    ]);
    server.acknowledge(2, 3).propose(3);

    expect(server.placed.at(-1)).toEqual({ ticket: 3, index: 4, term: 2 });
  });

  it('are refused while too much is uncommitted, and taken again afterwards (R11)', () => {
    const server = establishedLeader({ uncommittedEntriesMax: 2 });

    server.propose(1, 2, 3).persist();
    expect(server.placed.at(-1)).toEqual({ ticket: 3, refusal: 'queueFull' });
    server.acknowledge(2, 4).propose(4);

    expect(server.placed.at(-1)).toEqual({ ticket: 4, index: 5, term: 2 });
  });
});

describe('pipelining (dissertation §10.2.1)', () => {
  it('sends ahead as far as the window goes, and on when it is acknowledged', () => {
    const server = establishedLeader({ inflightAppendsMax: 2 });
    for (let ticket = 1; ticket <= 4; ticket += 1) server.propose(ticket);
    const toFollower = (): Message[] =>
      server.take().filter((message) => message.type === 'appendEntries' && message.to === 2);
    expect(toFollower()).toHaveLength(2);

    server.acknowledge(2, 3);

    expect(toFollower()).toMatchObject([
      { prevLogIndex: 4, entries: [{ index: 5 }, { index: 6 }] },
    ]);
  });

  it('what is lost in flight is sent again when the follower shows that it lives (R7)', () => {
    const group = new Group(3).elect(1);
    let losing = true;
    group.cut = ({ type, to }) => losing && type === 'appendEntries' && to === 3;
    group.server(1).propose(1, 2);
    group.settle();

    losing = false;
    group.tick(400);

    expect(group.server(3).raft.commitIndex).toBe(4);
  });

  it('a follower whose link broke is probed, and is not wedged (R12)', () => {
    const group = new Group(3).elect(1);
    group.server(1).step({ type: 'peerUnreachable', to: 3 });

    group.server(1).propose(1);
    group.tick(400);

    expect(group.server(3).raft.commitIndex).toBe(3);
  });
});

describe('leadership transfer (dissertation §3.10, E10)', () => {
  it('goes to the target, with pre-vote on and the old leader alive', () => {
    const group = new Group(3).elect(1);

    group.server(1).step({ type: 'transferLeadership', target: 3 });
    group.settle();

    expect(group.leader.raft.id).toBe(3);
  });

  it('goes to whoever is most advanced when no target is named', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ type, to }) => type === 'appendEntries' && to === 2;
    group.server(1).propose(1);
    group.settle();

    group.server(1).step({ type: 'transferLeadership', target: 0 });
    group.settle();

    expect(group.leader.raft.id).toBe(3);
  });

  it('is passed on by a follower', () => {
    const group = new Group(3).elect(1);

    group.server(2).step({ type: 'transferLeadership', target: 2 });
    group.settle();

    expect(group.leader.raft.id).toBe(2);
  });

  it('waits until a lagging target has everything; proposals are refused meanwhile', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ to }) => to === 3;
    group.server(1).propose(1);
    group.settle();

    group.server(1).step({ type: 'transferLeadership', target: 3 });
    group.server(1).propose(2);
    expect(group.server(1).placed.at(-1)).toEqual({ ticket: 2, refusal: 'transferring' });
    group.settle();
    group.cut = () => false;
    group.tick(400);

    expect(group.leader.raft.id).toBe(3);
    expect(group.server(3).raft.lastIndex).toBe(4);
  });

  it('is given up after an election timeout, and proposals are taken again', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ to }) => to === 3;

    group.server(1).step({ type: 'transferLeadership', target: 3 });
    group.tick(520);
    group.server(1).propose(2);

    expect(group.server(1).placed.at(-1)).toMatchObject({ ticket: 2, index: 3 });
  });

  it('to itself or to nobody known changes nothing', () => {
    const group = new Group(3).elect(1);

    group.server(1).step({ type: 'transferLeadership', target: 1 });
    group.server(1).step({ type: 'transferLeadership', target: 9 });
    group.server(1).propose(1);

    expect(group.server(1).placed.at(-1)).toMatchObject({ ticket: 1, index: 3 });
  });
});

describe('snapshots (§7)', () => {
  function compactedLeader(): Harness {
    const server = establishedLeader();
    server.propose(1, 2, 3).persist().acknowledge(2, 5);
    server.step({ type: 'snapshotTaken', snapshot: snapshotAt(5, 2), compactTo: 4 });
    return server;
  }

  /** Server 3 lacks what was compacted. */
  const refusal = {
    type: 'appendEntriesReply',
    from: 3,
    to: 1,
    term: 2,
    success: false,
    matchIndex: 1,
    hintIndex: 0,
    hintTerm: 0,
  } as const;

  it('go to a follower that needs what was compacted, one at a time (S1)', () => {
    const server = compactedLeader();

    server.receive(refusal).receive(refusal);
    expect(server.snapshotsTo).toEqual([3]);
    server.take();
    server
      .receive({ type: 'installSnapshotReply', from: 3, to: 1, term: 2, matchIndex: 5 })
      .propose(4);

    expect(server.sent('appendEntries')).toMatchObject({ to: 3, prevLogIndex: 5 });
  });

  it('that could not be delivered are tried again after a sign of life, not in a loop (S3)', () => {
    const server = compactedLeader();
    server.receive(refusal);

    server.step({ type: 'snapshotTransferFailed', to: 3 });
    expect(server.snapshotsTo).toEqual([3]);
    for (let round = 0; round < 3; round += 1) {
      server
        .tick(100)
        .receive(heartbeatReply(2, 0, 2))
        .receive(heartbeatReply(3, 0, 2));
    }

    expect(server.snapshotsTo).toEqual([3, 3]);
  });

  it('keep what will be needed after the one that is under way (S2)', () => {
    const server = compactedLeader();
    server.receive(refusal).propose(4, 5).persist().acknowledge(2, 7);

    server.step({ type: 'snapshotTaken', snapshot: snapshotAt(7, 2), compactTo: 7 });

    expect(server.raft.firstIndex).toBe(6);
  });

  it('keep no more than so many bytes of the log for the one that is under way (S2)', () => {
    const server = compactedLeader();
    server.receive(refusal).propose(4, 5).persist().acknowledge(2, 7);

    server.step({
      type: 'snapshotTaken',
      snapshot: snapshotAt(7, 2),
      compactTo: 7,
      keepBytesMax: 100,
    });

    expect(server.raft.firstIndex).toBe(7);
  });

  it('replace the log and the state of a follower that is behind', () => {
    const server = new Harness({ id: 1, members: 3, initialState: recovered(3, [2, 2]) });

    server.receive({
      type: 'installSnapshot',
      from: 2,
      to: 1,
      term: 4,
      snapshot: snapshotAt(9, 3),
    });
    expect(server.written.at(-1)?.snapshot?.lastIncludedIndex).toBe(9);
    expect(server.sent('installSnapshotReply')).toBeUndefined();
    server.persist();

    expect(server.sent('installSnapshotReply')).toMatchObject({ matchIndex: 9 });
    expect(server.raft.lastIndex).toBe(9);
  });

  it('older than what is committed are ignored (S6)', () => {
    const server = new Harness({ id: 1, members: 3 }).persist();
    server
      .receive(append({ entries: [entry(2, 3), entry(3, 3)], leaderCommit: 3 }))
      .persist()
      .take();

    server.receive({
      type: 'installSnapshot',
      from: 2,
      to: 1,
      term: 3,
      snapshot: snapshotAt(2, 3),
    });

    expect(server.persist().take()).toMatchObject([
      { type: 'installSnapshotReply', matchIndex: 3 },
    ]);
    expect(server.raft.lastIndex).toBe(3);
  });

  it('newer than the log on disk replace it at a restart', () => {
    const initialState = { ...recovered(3, [2, 2]), snapshot: snapshotAt(9, 3) };

    const server = new Harness({ id: 1, members: 3, initialState });

    expect(server.raft.lastIndex).toBe(9);
    expect(server.written[0]).toMatchObject({ snapshot: { lastIncludedIndex: 9 }, entries: [] });
  });
});
