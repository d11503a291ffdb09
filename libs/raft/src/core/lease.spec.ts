import { Group, Harness } from '../../test/core-harness';
import type { ServerId } from './types';

const DRIFT = 0.1;
/** T is 500 ms, so a lease lasts 450. */
const LEASE_MS = 450;

function start(options: { readonly leaseClockDriftMax?: number } = { leaseClockDriftMax: DRIFT }) {
  const group = new Group(3, options).elect(1);
  // A round that all have answered.
  group.server(1).tick(50);
  group.settle();
  const leader = group.server(1);
  leader.take();
  return { group, leader };
}

/** True when it was answered at once, without a message. */
function readsFromLease(leader: Harness): boolean {
  const before = leader.reads.length;
  leader.step({ type: 'read', tickets: [9], lease: true });
  return leader.reads.length > before;
}

function asksForVote(server: Harness, from: ServerId, term: number): boolean {
  server.take();
  const { id: to, lastIndex } = server.raft;
  const log = { lastLogIndex: lastIndex, lastLogTerm: server.raft.termAt(lastIndex) ?? 0 };
  const kind = { preVote: false, leadershipTransfer: false };
  server.receive({ type: 'requestVote', from, to, term, ...log, ...kind });
  return server.persist().sent('requestVoteReply')?.granted === true;
}

describe('a lease', () => {
  it('lets a leader answer at its commit index without asking anybody', () => {
    const { leader } = start();
    expect(readsFromLease(leader)).toBe(true);
    expect(leader.reads.at(-1)).toEqual({ ticket: 9, index: leader.raft.commitIndex });
    expect(leader.take()).toEqual([]);
  });

  it('ends an election timeout, less the drift, after the round was sent', () => {
    const { leader } = start();
    leader.now += LEASE_MS - 1;
    expect(readsFromLease(leader)).toBe(true);
    leader.now += 1;
    expect(readsFromLease(leader)).toBe(false);
  });

  it('counts from when the round was sent, not from its answers', () => {
    const { group, leader } = start();
    leader.tick(50);
    leader.now += LEASE_MS;
    group.settle();
    expect(readsFromLease(leader)).toBe(false);
  });

  it('does not exist unless it is configured, nor for followers', () => {
    expect(readsFromLease(start({}).leader)).toBe(false);
    expect(readsFromLease(start().group.server(2))).toBe(false);
  });

  it('is of no use before an entry of the own term is committed', () => {
    const group = new Group(3, { leaseClockDriftMax: DRIFT }).elect(1);
    group.cut = ({ type }) => type === 'appendEntries' || type === 'appendEntriesReply';
    group.elect(2);
    group.server(2).tick(50);
    group.settle();
    const leader = group.server(2);
    expect(leader.raft.role).toBe('leader');
    expect(readsFromLease(leader)).toBe(false);
  });

  it('is not used while leadership is handed over, and not in this term once a successor was told', () => {
    const { group, leader } = start();
    group.cut = ({ type }) => type === 'timeoutNow';
    leader.step({ type: 'transferLeadership', target: 2 });
    expect(readsFromLease(leader)).toBe(false);
    // The transfer fails; but the message may only be late.
    group.tick(700);
    expect(leader.raft.role).toBe('leader');
    expect(readsFromLease(leader)).toBe(false);
  });

  it('goes on after a transfer whose target was never told', () => {
    const { group, leader } = start();
    group.cut = (message) => message.to === 3 && message.type === 'appendEntries';
    leader.propose(1);
    group.settle();
    leader.step({ type: 'transferLeadership', target: 3 });
    group.tick(700);
    expect(leader.raft.role).toBe('leader');
    expect(readsFromLease(leader)).toBe(true);
  });

  it('has to be renewed by the new members after a change', () => {
    const { group, leader } = start();
    leader.change({ type: 'remove', id: 3 });
    expect(readsFromLease(leader)).toBe(false);
    group.tick(100);
    expect(readsFromLease(leader)).toBe(true);
  });
});

describe('with leases on, a server helps nobody else for an election timeout', () => {
  it('after its start, since it may have heard a leader before', () => {
    const server = new Harness({ id: 1, members: 3, leaseClockDriftMax: DRIFT, random: () => 0.9 });
    server.persist().tick(490);
    expect(asksForVote(server, 2, 2)).toBe(false);
    server.tick(20);
    expect(asksForVote(server, 2, 2)).toBe(true);
  });

  it('nor itself, when it is told that the leader has gone, which may be wrong', () => {
    const { group } = start();
    const follower = group.server(2);
    follower.step({ type: 'peerGone', id: 1 });
    follower.tick(440);
    expect(follower.sent('requestVote')).toBeUndefined();
    follower.tick(60);
    expect(follower.sent('requestVote')).toMatchObject({ preVote: true });
  });

  it('after it heard a leader, whatever newer term it meets', () => {
    const { group } = start();
    const follower = group.server(2);
    const link = { from: 3, to: 2, term: 9 } as const;
    follower.receive({ type: 'readIndexReply', ...link, runId: 1, tickets: [], readIndex: 0 });
    expect(follower.raft.term).toBe(9);
    expect(asksForVote(follower, 3, 10)).toBe(false);
    follower.now += 500;
    expect(asksForVote(follower, 3, 10)).toBe(true);
  });
});
