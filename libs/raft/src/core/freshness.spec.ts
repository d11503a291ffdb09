import { Group } from '../../test/core-harness';
import type { Harness } from '../../test/core-harness';

function ageOf(server: Harness, appliedIndex = server.raft.appliedIndex): number {
  return server.now - server.raft.freshAsOfMs(appliedIndex);
}

/** Server 1 leads three and all clocks go on together; T is 500 ms, heartbeats come every 50 ms. */
function start(): Group {
  const group = new Group(3).elect(1);
  return group.tick(300);
}

describe('the age of the local state', () => {
  it('is not known at first', () => {
    expect(ageOf(new Group(3).server(2))).toBe(Infinity);
  });

  it('is below three heartbeats everywhere while the leader is heard', () => {
    const group = start();
    for (const server of group.servers) expect(ageOf(server)).toBeLessThanOrEqual(150);
  });

  it('grows when the leader is not heard any more, at the leader too', () => {
    const group = start();
    group.cut = () => true;
    group.tick(300);
    for (const server of group.servers) expect(ageOf(server)).toBeGreaterThanOrEqual(300);
  });

  it('is not made younger by a leader that nobody else answers', () => {
    const group = start();
    const before = group.server(2).raft.freshAsOfMs(group.server(2).raft.appliedIndex);
    // Server 2 hears the old leader, whose rounds no quorum answers.
    group.cut = ({ from, to }) => from === 3 || to === 3 || from === 2;
    group.tick(300);
    const now = group.server(2).raft.freshAsOfMs(group.server(2).raft.appliedIndex);
    expect(now - before).toBeLessThanOrEqual(100);
  });

  it('is not made younger by messages that were under way for long', () => {
    const group = start();
    const follower = group.server(2);
    const late = group.server(1).tick(50).take();
    follower.now += 5000;
    for (const message of late) if (message.to === 2) follower.receive(message);
    expect(ageOf(follower)).toBeGreaterThanOrEqual(5000);
  });

  it('counts only what is applied', () => {
    const group = start();
    const follower = group.server(2);
    const applied = follower.raft.appliedIndex;
    group.server(1).propose(1);
    group.tick(300);
    expect(ageOf(follower)).toBeLessThanOrEqual(150);
    const behind = new Group(3).elect(1).tick(300);
    expect(behind.server(2).raft.freshAsOfMs(applied - 1)).toBe(-Infinity);
  });

  it('does not believe the clock of an earlier process', () => {
    const group = start();
    const follower = group.server(2);
    const before = follower.raft.freshAsOfMs(follower.raft.appliedIndex);
    const freshness = { runId: 12345, sentAtMs: follower.now, index: 1 };
    const beat = { from: 1, to: 2, term: follower.raft.term, leaderCommit: 1, round: 999 } as const;
    follower.receive({ type: 'heartbeat', ...beat, freshness });
    expect(follower.raft.freshAsOfMs(follower.raft.appliedIndex)).toBe(before);
  });
});
