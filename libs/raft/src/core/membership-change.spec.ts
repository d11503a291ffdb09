/*
 * Membership change, rule by rule (Raft §6, dissertation chapter 4), and the named scenarios C: mistakes that implementations have made.
 */
import { configurationOf, Group, Harness } from '../../test/core-harness';
import { decodeConfiguration, encodeConfiguration } from './configuration';
import type { MemberChange } from './membership';
import { EntryKind } from './types';
import type { Configuration, Entry, SnapshotMetadata } from './types';

function add(id: number, promote = false): MemberChange {
  return { type: 'add', id, address: `host-${id}:1`, promote };
}

function remove(...ids: number[]): MemberChange[] {
  return ids.map((id) => ({ type: 'remove', id }));
}

/** A leader, server 1, of term 2 that has committed its first entry, index 2. */
function establishedLeader(members = 3): Harness {
  const voters = Array.from({ length: Math.floor(members / 2) }, (_unused, offset) => offset + 2);
  const server = new Harness({ id: 1, members }).becomeLeader(...voters).persist();
  for (const id of voters) server.acknowledge(id, 2);
  server.take();
  return server;
}

function configurationEntry(index: number, term: number, configuration: Configuration): Entry {
  return {
    version: 1,
    index,
    term,
    kind: EntryKind.configuration,
    stampMs: 0,
    clientId: '',
    sequence: 0,
    payload: encodeConfiguration(configuration),
  };
}

function voters({ raft }: Harness): number[] {
  return raft.configuration.members.filter(({ voter }) => voter).map(({ id }) => id);
}

/** A group whose server 1 leads, and servers beside it that wait to be taken in. */
function groupWith(members: number, ...strangers: number[]): Group {
  const group = new Group(members);
  for (const id of strangers) {
    group.servers.push(new Harness({ id, members, join: true, random: () => 0.9 }));
  }
  return group.elect(1);
}

describe('a leader changes members', () => {
  it('only when an entry of its own term is committed (C1, Ongaro 2015)', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();

    server.change(add(4));
    expect(server.changes.at(-1)).toMatchObject({ refusal: 'notEstablished' });
    server.acknowledge(2, 2).change(add(4));

    expect(server.changes.at(-1)).toEqual({ ticket: 1, index: 3, term: 2 });
  });

  it('one change at a time', () => {
    const server = establishedLeader().change(add(4));

    server.change(add(5));
    expect(server.changes.at(-1)).toMatchObject({ refusal: 'changeInProgress' });
    server.persist().acknowledge(2, 3).change(add(5));

    expect(server.changes.at(-1)).toMatchObject({ index: 4 });
  });

  it('not while it hands over, and nobody else does', () => {
    const server = establishedLeader();
    server.step({ type: 'transferLeadership', target: 2 }).change(add(4));
    expect(server.changes.at(-1)).toMatchObject({ refusal: 'transferring' });

    const follower = new Harness({ id: 2, members: 3 }).change(add(4));
    expect(follower.changes).toMatchObject([{ ticket: 1, refusal: 'notLeader' }]);
  });

  it('says what is wrong with a change', () => {
    const server = establishedLeader().change(...remove(9));

    expect(server.changes).toEqual([
      { ticket: 1, refusal: 'invalid', message: 'server 9 is not a member' },
    ]);
  });

  it('makes a voter only of a learner that has caught up', () => {
    const server = establishedLeader().change(add(4)).persist().acknowledge(2, 3);

    server.change({ type: 'promote', id: 4 });
    expect(server.changes.at(-1)).toMatchObject({ refusal: 'notCaughtUp' });
    server.acknowledge(4, 3).change({ type: 'promote', id: 4 });

    expect(server.changes.at(-1)).toMatchObject({ index: 4 });
    expect(voters(server)).toEqual([1, 2, 3, 4]);
  });
});

describe('a configuration', () => {
  it('is in force as soon as it is appended (Raft §6)', () => {
    const server = establishedLeader();

    server.change(...remove(3)).persist();
    expect(voters(server)).toEqual([1, 2]);
    // Of {1, 2, 3} the servers 1 and 3 would be a majority.
    server.acknowledge(3, 3);
    expect(server.raft.commitIndex).toBe(2);
    server.acknowledge(2, 3);

    expect(server.raft.commitIndex).toBe(3);
  });

  it('that is cut off gives way to the one before it (C2)', () => {
    const server = establishedLeader().change(...remove(3));
    expect(voters(server)).toEqual([1, 2]);

    server.receive({
      type: 'appendEntries',
      from: 2,
      to: 1,
      term: 3,
      prevLogIndex: 2,
      prevLogTerm: 2,
      entries: [{ ...configurationEntry(3, 3, configurationOf(3)), kind: EntryKind.noop }],
      leaderCommit: 0,
    });

    expect(voters(server)).toEqual([1, 2, 3]);
    expect(server.raft.configurationIndex).toBe(1);
  });

  it('comes with a snapshot, and entries after the snapshot change it (C9)', () => {
    const server = new Harness({ id: 4, members: 3, join: true });
    const snapshot: SnapshotMetadata = {
      lastIncludedIndex: 10,
      lastIncludedTerm: 2,
      stampMs: 0,
      configuration: configurationOf(3),
    };
    server.receive({ type: 'installSnapshot', from: 1, to: 4, term: 2, snapshot });
    expect(voters(server)).toEqual([1, 2, 3]);

    server.receive({
      type: 'appendEntries',
      from: 1,
      to: 4,
      term: 2,
      prevLogIndex: 10,
      prevLogTerm: 2,
      entries: [configurationEntry(11, 2, configurationOf(4))],
      leaderCommit: 10,
    });

    expect(voters(server)).toEqual([1, 2, 3, 4]);
    expect(server.raft.configurationAt(10)).toEqual(configurationOf(3));
    expect(server.raft.configurationAt(11)).toEqual(configurationOf(4));
  });
});

describe('a joint configuration', () => {
  /** Server 1 of five leads; {1, 2, 3} are to remain. */
  function jointLeader(): Harness {
    return establishedLeader(5)
      .change(...remove(4, 5))
      .persist();
  }

  it('commits what a majority before and a majority after the change have (C4)', () => {
    const server = jointLeader();

    server.acknowledge(4, 3).acknowledge(5, 3);
    expect(server.raft.commitIndex).toBe(2);
    server.acknowledge(2, 3);

    expect(server.raft.commitIndex).toBe(3);
  });

  it('is not decided by a majority of all servers together', () => {
    // {1} becomes {1, 2, 3, 4, 5}: 2 to 5 are four of five, and share nobody with {1}.
    const server = establishedLeader(1);
    for (const id of [2, 3, 4, 5]) {
      server.change(add(id)).persist().acknowledge(id, server.raft.lastIndex);
    }
    const promotions = [2, 3, 4, 5].map((id): MemberChange => ({ type: 'promote', id }));
    server.change(...promotions);
    const index = server.raft.lastIndex;

    for (const id of [2, 3, 4, 5]) server.acknowledge(id, index);
    expect(server.raft.commitIndex).toBe(index - 1);
    server.persist();

    expect(server.raft.commitIndex).toBe(index);
  });

  it('elects with both majorities (C4)', () => {
    const server = jointLeader();
    server.tick(600);
    expect(server.raft.role).toBe('follower');

    server.tick(1000).persist();
    const vote = { type: 'requestVoteReply', to: 1, preVote: true, granted: true } as const;
    const term = server.raft.term + 1;
    server.receive({ ...vote, from: 4, term }).receive({ ...vote, from: 5, term });
    expect(server.raft.role).toBe('preCandidate');
    server.receive({ ...vote, from: 2, term });

    expect(server.raft.role).toBe('candidate');
  });

  it('needs answers of both majorities, or its leader steps down and its reads wait', () => {
    const server = jointLeader().acknowledge(2, 2).read(7);
    const round = server.sent('heartbeat')?.round as number;
    const answer = { type: 'heartbeatReply', to: 1, term: 2, round } as const;

    server.receive({ ...answer, from: 4 }).receive({ ...answer, from: 5 });
    expect(server.reads).toEqual([]);
    server.receive({ ...answer, from: 2 });
    expect(server.reads).toMatchObject([{ ticket: 7 }]);

    for (let passed = 0; passed < 600; passed += 100) {
      server
        .receive({ ...answer, from: 4 })
        .receive({ ...answer, from: 5 })
        .tick(100);
    }
    expect(server.raft.role).toBe('follower');
  });

  it('is left as soon as it is committed, once (C10)', () => {
    const server = jointLeader().acknowledge(2, 3).acknowledge(4, 3);
    server.acknowledge(3, 3).acknowledge(5, 3).persist().tick(100);

    const entries = server.written.flatMap((persist) => persist.entries);
    const configurations = entries.filter(({ kind }) => kind === EntryKind.configuration);
    expect(configurations.map(({ index }) => index)).toEqual([1, 3, 4]);
    expect(decodeConfiguration((configurations[2] as Entry).payload)).toEqual(configurationOf(3));
  });

  it('is left by the next leader when its leader is gone (C5)', () => {
    const group = new Group(5).elect(1);
    group.cut = ({ type }) => type === 'appendEntriesReply';
    group.server(1).change(...remove(4, 5));
    group.settle();
    expect(group.server(2).raft.status(0).joint).toBe(true);

    group.cut = ({ from, to }) => from === 1 || to === 1;
    group.elect(2).tick(300);

    expect(voters(group.server(2))).toEqual([1, 2, 3]);
    expect(group.server(2).raft.commitIndex).toBe(group.server(2).raft.configurationIndex);
  });
});

describe('a learner', () => {
  it('is replicated to and counts nowhere: not for commits, reads, votes, or the check of the quorum', () => {
    const server = establishedLeader().change(add(4)).persist().acknowledge(2, 3);
    server.propose(1).persist();

    server.acknowledge(4, 4);
    expect(server.raft.commitIndex).toBe(3);
    for (let passed = 0; passed < 600; passed += 100) server.acknowledge(4, 4).tick(100);

    expect(server.raft.role).toBe('follower');
  });

  it('becomes a voter by itself once it has caught up', () => {
    const group = groupWith(3, 4);

    group.server(1).change(add(4, true));
    group.settle().tick(200);

    expect(voters(group.server(1))).toEqual([1, 2, 3, 4]);
    expect(group.server(4).raft.status(0).standing).toBe('voter');
    expect(group.server(4).raft.commitIndex).toBe(group.server(1).raft.commitIndex);
  });

  it('does not become one when it is dead (C8)', () => {
    const group = new Group(2).elect(1);
    group.servers.push(new Harness({ id: 3, members: 2, join: true }));
    group.cut = ({ from, to }) => from === 3 || to === 3;

    group.server(1).change(add(3, true));
    group.tick(2000);
    group.server(1).propose(1);
    group.settle();

    expect(voters(group.server(1))).toEqual([1, 2]);
    expect(group.server(1).raft.commitIndex).toBe(group.server(1).raft.lastIndex);
  });

  it('never campaigns, and forgets a leader that it does not hear any more', () => {
    const group = groupWith(3, 4);
    group.server(1).change(add(4));
    group.settle();
    expect(group.server(4).raft.leaderId).toBe(1);

    group.server(4).tick(5000);

    expect(group.server(4).raft.role).toBe('follower');
    expect(group.server(4).raft.leaderId).toBe(0);
    expect(group.server(4).sent('requestVote')).toBeUndefined();
  });

  it('votes when it is asked: it may be a voter and not know it yet (C7)', () => {
    const server = new Harness({ id: 4, members: 3, join: true });

    server.receive({
      type: 'requestVote',
      from: 2,
      to: 4,
      term: 5,
      preVote: false,
      lastLogIndex: 9,
      lastLogTerm: 4,
      leadershipTransfer: false,
    });
    server.persist();

    expect(server.sent('requestVoteReply')).toMatchObject({ granted: true, term: 5 });
  });

  it('is not handed leadership', () => {
    const server = establishedLeader().change(add(4)).persist().acknowledge(2, 3);
    server.acknowledge(4, 3);

    server.step({ type: 'transferLeadership', target: 4 });

    expect(server.sent('timeoutNow')).toBeUndefined();
  });
});

describe('a server that waits to be taken in', () => {
  it('begins without log and members, and does not campaign', () => {
    const server = new Harness({ id: 4, members: 3, join: true }).tick(5000);

    expect(server.raft.status(0)).toMatchObject({ standing: 'waiting', lastIndex: 0, members: [] });
    expect(server.take()).toEqual([]);
    expect(server.raft.term).toBe(0);
  });
});

describe('a server that is removed', () => {
  it('learns of it, and does not campaign any more', () => {
    const group = new Group(3).elect(1);

    group.server(1).change(...remove(3));
    group.settle().tick(100);
    expect(group.server(3).raft.status(0).standing).toBe('removed');
    group.server(3).tick(5000);

    expect(group.server(3).sent('requestVote')).toBeUndefined();
    expect(group.server(3).raft.leaderId).toBe(0);
  });

  it('and did not hear of it keeps campaigning, and disrupts nobody (C12, dissertation §4.2.3)', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ from, to }) => from === 3 || to === 3;
    group.server(1).change(...remove(3));
    group.tick(2000);

    group.cut = () => false;
    group.tick(5000);

    expect(group.server(3).raft.status(0).standing).toBe('voter');
    expect(group.server(1).raft.role).toBe('leader');
    expect(group.server(1).raft.term).toBe(2);
    expect(group.server(2).raft.term).toBe(2);
  });

  it('is sent to until it can know, and an election timeout longer at most', () => {
    const server = establishedLeader()
      .change(...remove(3))
      .persist();
    expect(server.raft.peers().map(({ id }) => id)).toEqual([2, 3]);
    server.acknowledge(2, 3);

    for (let passed = 0; passed < 600; passed += 100) server.acknowledge(2, 3).tick(100);
    server.take();
    server.tick(200);

    expect(server.take().some(({ to }) => to === 3)).toBe(false);
    expect(server.raft.peers().map(({ id }) => id)).toEqual([2]);
  });

  it('stays an address for its peers as long as the removal can be undone', () => {
    const follower = new Harness({ id: 2, members: 3 });
    const { members } = configurationOf(3);
    follower.receive({
      type: 'appendEntries',
      from: 1,
      to: 2,
      term: 2,
      prevLogIndex: 1,
      prevLogTerm: 1,
      entries: [configurationEntry(2, 2, { clusterId: 'test', members: members.slice(0, 2) })],
      leaderCommit: 1,
    });
    expect(follower.raft.peers().map(({ id }) => id)).toEqual([1, 3]);

    follower.receive({ type: 'heartbeat', from: 1, to: 2, term: 2, leaderCommit: 2, round: 1 });

    expect(follower.raft.peers().map(({ id }) => id)).toEqual([1]);
  });
});

describe('a server that is added again, with the disk that it had', () => {
  function addAgain(group: Group): void {
    group.server(1).change(add(3, true));
    group.settle().tick(1000);
    group.server(1).propose(7);
    group.settle().tick(1000);
  }

  function expectMember(group: Group): void {
    const { raft } = group.server(3);
    expect(voters(group.server(1))).toEqual([1, 2, 3]);
    expect(raft.status(0).standing).toBe('voter');
    expect(raft.lastIndex).toBe(group.server(1).raft.lastIndex);
    expect(group.server(1).raft.term).toBe(2);
  }

  it('leaves the state of being removed', () => {
    const group = new Group(3).elect(1);
    group.server(1).change(...remove(3));
    group.settle().tick(2000);
    expect(group.server(3).raft.status(0).standing).toBe('removed');

    addAgain(group);

    expectMember(group);
  });

  it('stays although it was to be let go of at that moment', () => {
    const group = new Group(3).elect(1);
    group.server(1).change(...remove(3));
    group.settle().tick(100);

    addAgain(group);

    expectMember(group);
  });

  it('need not have heard that it was removed, and gives up what nobody else has', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ from, to }) => from === 3 || to === 3;
    group.server(1).change(...remove(3));
    group.settle().tick(2000);
    group.server(1).propose(5);
    group.settle().tick(1000);
    expect(group.server(3).raft.status(0).standing).toBe('voter');

    group.cut = () => false;
    addAgain(group);

    expectMember(group);
  });

  it('keeps to the vote that it gave', () => {
    const server = new Harness({ id: 3, members: 3 });
    const request = { to: 3, term: 5, lastLogIndex: 9, lastLogTerm: 4, preVote: false } as const;
    const ask = (from: number): void => {
      server.tick(5000).take();
      server.receive({ type: 'requestVote', from, ...request, leadershipTransfer: true }).persist();
    };
    const removed = configurationEntry(2, 4, configurationOf(2));
    ask(1);
    expect(server.sent('requestVoteReply')).toMatchObject({ granted: true, term: 5 });
    server.receive({
      ...{ type: 'appendEntries', from: 1, to: 3, term: 5, leaderCommit: 2 },
      ...{ prevLogIndex: 1, prevLogTerm: 1, entries: [removed] },
    });
    server.persist();
    expect(server.raft.status(0).standing).toBe('removed');

    ask(2);

    expect(server.sent('requestVoteReply')).toMatchObject({ granted: false });
  });
});

describe('a leader that is removed (dissertation §4.2.2)', () => {
  it('does not count itself, leads until that is committed, and hands over (C3)', () => {
    const server = establishedLeader()
      .change(...remove(1))
      .persist();
    server.acknowledge(2, 3);
    expect(server.raft.role).toBe('leader');
    expect(server.raft.commitIndex).toBe(2);

    server.acknowledge(3, 3);

    expect(server.raft.commitIndex).toBe(3);
    expect(server.raft.role).toBe('follower');
    expect(server.sent('timeoutNow')?.to).toBe(2);
    expect(server.raft.status(0).standing).toBe('removed');
  });

  it('campaigns as long as nobody else may be able to commit its removal', () => {
    const group = new Group(2).elect(1);
    group.cut = ({ from }) => from === 1;
    group.server(1).change(...remove(1));
    group.settle();
    group.server(1).tick(600);
    expect(group.server(1).raft.role).toBe('follower');

    // Server 2 still needs the vote of server 1, and does not get it: its log is shorter.
    group.cut = () => false;
    group.tick(4000);

    expect(group.server(2).raft.role).toBe('leader');
    expect(voters(group.server(2))).toEqual([2]);
    expect(group.server(1).raft.status(0).standing).toBe('removed');
  });

  it('is replaced at once, and the group goes on', () => {
    const group = new Group(3).elect(1);

    group.server(1).change(...remove(1));
    group.settle();

    expect(group.leader.raft.id).not.toBe(1);
    group.leader.propose(5);
    group.settle();
    expect(group.leader.raft.commitIndex).toBe(group.leader.raft.lastIndex);
  });
});
