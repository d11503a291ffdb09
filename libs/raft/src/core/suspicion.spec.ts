import { Harness, recovered } from '../../test/core-harness';
import type { Message } from './messages';

const RUN = 77;
const lost = { file: 'log', offset: 48 };

/** Server 1 of 3, leader of term 2 with entry 2 committed. */
function leaderOfThree(): Harness {
  const server = new Harness({ id: 1, members: 3 }).becomeLeader(2, 3).persist();
  server.acknowledge(2, 2).acknowledge(3, 2);
  expect(server.raft.commitIndex).toBe(2);
  server.take();
  return server;
}

/** Server 3 answers the newest heartbeat: it has been restarted and has lost the end of its log. */
function becomesSuspect(server: Harness, run = RUN): void {
  server.tick(60);
  const round = server.sent('heartbeat')?.round ?? 0;
  server.receive(heartbeatReply(server, 3, round, run));
}

function heartbeatReply(server: Harness, from: number, round: number, suspectRun = 0): Message {
  const { id: to, term } = server.raft;
  return { type: 'heartbeatReply', from, to, term, round, suspectRun };
}

function acknowledgeSuspect(server: Harness, matchIndex: number, suspectRun = RUN): void {
  const { id: to, term } = server.raft;
  const hints = { hintIndex: 0, hintTerm: 0 };
  const type = 'appendEntriesReply';
  server.receive({ type, from: 3, to, term, success: true, matchIndex, suspectRun, ...hints });
}

function grant(server: Harness, from: number, suspectRun = 0): void {
  const { id: to, role } = server.raft;
  const preVote = role === 'preCandidate';
  const term = server.raft.term + (preVote ? 1 : 0);
  server.receive({ type: 'requestVoteReply', from, to, term, preVote, granted: true, suspectRun });
}

function restartedFollower(): Harness {
  const initialState = { ...recovered(3, [2, 2, 2], { commitIndex: 2 }), suspectTail: lost };
  return new Harness({ id: 3, members: 3, initialState });
}

describe('the vote of a server that may have forgotten what it promised', () => {
  it('does not make a majority', () => {
    const server = new Harness({ id: 1, members: 3 }).persist().tick(1000);

    grant(server, 3, RUN);

    expect(server.raft.role).toBe('preCandidate');
    grant(server, 2);
    expect(server.raft.role).toBe('candidate');
    server.persist();
    grant(server, 3, RUN);
    expect(server.raft.role).toBe('candidate');
    grant(server, 2);
    expect(server.raft.role).toBe('leader');
  });

  it('elects together with all other votes, since then nobody is left who could know better', () => {
    const server = new Harness({ id: 1, members: 3 }).persist().tick(1000);
    grant(server, 2, RUN + 1);
    grant(server, 3, RUN);
    server.persist();
    grant(server, 2, RUN + 1);
    expect(server.raft.role).toBe('candidate');

    grant(server, 3, RUN);

    expect(server.raft.role).toBe('leader');
    server.persist();
    acknowledgeSuspect(server, 2);
    expect(server.raft.commitIndex).toBe(2);
  });

  it('is not enough for itself: a suspect candidate needs everybody', () => {
    const server = restartedFollower().tick(1000);
    grant(server, 1);
    expect(server.raft.role).toBe('preCandidate');

    grant(server, 2);

    expect(server.raft.role).toBe('candidate');
    server.persist();
    grant(server, 1);
    expect(server.raft.role).toBe('candidate');
    grant(server, 2);
    expect(server.raft.role).toBe('leader');
    expect(server.raft.isSuspect).toBe(false);
  });

  it('is everybody in a group of one', () => {
    const initialState = { ...recovered(1, [2, 2]), suspectTail: lost };
    const server = new Harness({ id: 1, members: 1, initialState }).tick(1000).persist();
    expect(server.raft.role).toBe('leader');
  });
});

describe('a leader with a suspect follower', () => {
  it('does not commit by its acknowledgements, and takes it back after an entry that the others have committed', () => {
    const server = leaderOfThree();
    becomesSuspect(server);
    const barrier = server.raft.lastIndex;
    expect(barrier).toBe(3);
    server.persist();

    acknowledgeSuspect(server, barrier);

    expect(server.raft.commitIndex).toBe(2);
    server.tick(60);
    expect(server.sent('heartbeat')?.readmittedRun).toBe(0);

    server.acknowledge(2, barrier);
    expect(server.raft.commitIndex).toBe(barrier);
    server.take();
    server.tick(60);
    const heartbeats = server.take().filter(({ type, to }) => type === 'heartbeat' && to === 3);
    expect(heartbeats.at(-1)).toMatchObject({ readmittedRun: RUN });
  });

  it('does not take it back before it has the entry, though the others have committed it', () => {
    const server = leaderOfThree();
    becomesSuspect(server);
    server.persist().acknowledge(2, 3);
    acknowledgeSuspect(server, 2);
    server.take();

    server.tick(60);

    expect(server.sent('heartbeat')?.readmittedRun).toBe(0);
  });

  it('believes neither late acknowledgements of its earlier process nor late words of an earlier suspect one', () => {
    const server = leaderOfThree();
    becomesSuspect(server);
    server.persist();

    server.acknowledge(3, 3);
    expect(server.raft.commitIndex).toBe(2);

    server.take();
    becomesSuspect(server, RUN + 1);
    const { lastIndex } = server.raft;
    server.persist();
    server.receive(heartbeatReply(server, 3, 1, RUN));
    expect(server.raft.lastIndex).toBe(lastIndex);
    acknowledgeSuspect(server, lastIndex, RUN);
    server.acknowledge(2, lastIndex);
    server.take();
    server.tick(60);
    const heartbeats = server.take().filter(({ to, type }) => type === 'heartbeat' && to === 3);
    expect(heartbeats.at(-1)).toMatchObject({ readmittedRun: 0 });
  });

  it('believes a follower that answers a newer heartbeat and is not suspect', () => {
    const server = leaderOfThree();
    becomesSuspect(server);
    server.persist().take();
    server.tick(60);
    const round = server.sent('heartbeat')?.round ?? 0;
    server.receive(heartbeatReply(server, 3, round));

    server.acknowledge(3, 3);

    expect(server.raft.commitIndex).toBe(3);
  });

  it('does not count its answers for reads', () => {
    const server = leaderOfThree();
    becomesSuspect(server);
    server.persist();
    server.read(9);
    const round = server.sent('heartbeat')?.round ?? 0;

    server.receive(heartbeatReply(server, 3, round, RUN));
    expect(server.reads).toEqual([]);

    server.receive(heartbeatReply(server, 2, round));
    expect(server.reads).toMatchObject([{ ticket: 9 }]);
  });

  it('sends it again what it had acknowledged', () => {
    const server = leaderOfThree();
    becomesSuspect(server);
    server.persist();
    const { term } = server.raft;
    server.take();

    const probe = { success: false, matchIndex: 2, hintIndex: 1, hintTerm: 1, suspectRun: RUN };
    server.receive({ type: 'appendEntriesReply', from: 3, to: 1, term, ...probe });

    const resent = server.sent('appendEntries');
    expect(resent?.to).toBe(3);
    expect(resent?.entries[0]?.index).toBe(2);
  });

  it('does not hand leadership to it', () => {
    const server = leaderOfThree();
    becomesSuspect(server);
    acknowledgeSuspect(server, server.raft.lastIndex);
    server.step({ type: 'transferLeadership', target: 3 });
    expect(server.sent('timeoutNow')).toBeUndefined();
  });
});

describe('a suspect follower', () => {
  const heartbeat = { type: 'heartbeat', from: 1, to: 3, term: 2, round: 5 } as const;

  it('says in every answer that it is suspect, until its leader takes back this very run', () => {
    const server = restartedFollower();
    server.receive({ ...heartbeat, leaderCommit: 2 });
    const run = server.sent('heartbeatReply')?.suspectRun ?? 0;
    expect(run).toBeGreaterThan(0);

    server.receive({ ...heartbeat, leaderCommit: 2, readmittedRun: run + 1 });
    expect(server.raft.isSuspect).toBe(true);

    server.receive({ ...heartbeat, leaderCommit: 2, readmittedRun: run });
    expect(server.raft.isSuspect).toBe(false);
    expect(server.sent('heartbeatReply')?.suspectRun).toBe(0);
  });

  it('does not believe that what it holds is committed before it has compared it', () => {
    const server = restartedFollower();

    server.receive({ ...heartbeat, leaderCommit: 4 });
    expect(server.raft.commitIndex).toBe(2);

    const append = { prevLogIndex: 4, prevLogTerm: 2, entries: [], leaderCommit: 4 };
    server.receive({ type: 'appendEntries', from: 1, to: 3, term: 2, ...append });
    expect(server.raft.commitIndex).toBe(4);
  });

  it('does not campaign when it is told to', () => {
    const server = restartedFollower().receive({ ...heartbeat, leaderCommit: 2 });
    server.receive({ type: 'timeoutNow', from: 1, to: 3, term: 2 });
    expect(server.raft.role).toBe('follower');
  });

  it('does not say for certain that a proposal of a term that it may have led was refused', () => {
    const server = restartedFollower().receive({ ...heartbeat, leaderCommit: 2 });
    const payload = new Uint8Array(0);
    const proposals = [{ ticket: 1, kind: 1, clientId: 'c', sequence: 1, payload }] as const;
    const message = { type: 'forwardProposals', from: 2, to: 3, term: 2, runId: 4 } as const;
    server.receive({ ...message, proposals });
    expect(server.sent('forwardProposalsReply')).toBeUndefined();
  });
});
