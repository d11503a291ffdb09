import { Group, Harness } from '../../test/core-harness';
import { DivergenceError } from './divergence';
import type { Checkpoint, ServerId } from './types';

/** Server 1 leads three. */
function start(): Group {
  return new Group(3).elect(1);
}

function passes(group: Group, id: ServerId, checkpoint: Checkpoint): void {
  const server = group.server(id);
  const index = server.raft.appliedIndex;
  server.step({ type: 'applied', index, checkpoints: [checkpoint] });
}

function stopsWith(run: () => unknown): DivergenceError {
  try {
    run();
  } catch (error) {
    if (error instanceof DivergenceError) return error;
    throw error;
  }
  throw new Error('nobody has stopped');
}

describe('the comparison of state machines', () => {
  it('lets servers that have answered the same go on, and tells all how far that is', () => {
    const group = start();
    for (const id of [1, 2, 3]) passes(group, id, { index: 2, hash: 7 });
    group.tick(200);
    group.server(1).tick(50);
    expect(group.server(1).sent('heartbeat')?.verdict).toEqual({ index: 2, hash: 7 });
  });

  it('stops a follower that differs from the two others, and names the index', () => {
    const group = start();
    for (const id of [1, 2, 3]) passes(group, id, { index: 2, hash: 7 });
    group.tick(200);
    for (const id of [1, 2]) passes(group, id, { index: 4, hash: 7 });
    passes(group, 3, { index: 4, hash: 8 });

    const error = stopsWith(() => group.tick(200));

    expect(error).toMatchObject({ serverId: 3, index: 4, equalIndex: 2 });
    expect(error.message).toContain('equal up to entry 2, different up to entry 4');
  });

  it('shows on the leader whose state machine differs, as long as it leads', () => {
    const group = start();
    for (const id of [1, 2]) passes(group, id, { index: 2, hash: 7 });
    passes(group, 3, { index: 2, hash: 8 });
    stopsWith(() => group.tick(200));

    const diverged = (id: ServerId): ServerId[] =>
      group
        .server(id)
        .raft.status(0)
        .members.flatMap((each) => (each.diverged ? [each.id] : []));
    expect(diverged(1)).toEqual([3]);
    expect(diverged(2)).toEqual([]);
  });

  it('stops the leader when it is the one that differs', () => {
    const group = start();
    passes(group, 1, { index: 2, hash: 8 });
    for (const id of [2, 3]) passes(group, id, { index: 2, hash: 7 });
    expect(stopsWith(() => group.tick(200))).toMatchObject({ serverId: 1, index: 2 });
  });

  it('stops a server that gets to the index only after it was decided', () => {
    const group = start();
    for (const id of [1, 2]) passes(group, id, { index: 2, hash: 7 });
    group.tick(200);
    expect(stopsWith(() => passes(group, 3, { index: 2, hash: 9 })).serverId).toBe(3);
  });

  it('stops nobody while only one of two opinions of three has been heard', () => {
    const group = start();
    passes(group, 1, { index: 2, hash: 7 });
    passes(group, 2, { index: 2, hash: 8 });
    group.tick(300);
    passes(group, 3, { index: 2, hash: 8 });
    expect(stopsWith(() => group.tick(200)).serverId).toBe(1);
  });

  it('stops the follower of two, where nobody can tell', () => {
    const group = new Group(2).elect(1);
    passes(group, 1, { index: 2, hash: 7 });
    passes(group, 2, { index: 2, hash: 8 });
    expect(stopsWith(() => group.tick(200)).serverId).toBe(2);
  });

  it('forgets what was answered before a snapshot took its place', () => {
    const follower = new Harness({ id: 2, members: 3 }).persist();
    const { configuration } = follower.raft;
    const link = { from: 1, to: 2, term: 3 } as const;
    follower.step({ type: 'applied', index: 1, checkpoints: [{ index: 1, hash: 8 }] });
    const place = { lastIncludedIndex: 9, lastIncludedTerm: 3, stampMs: 0 };
    const snapshot = { ...place, configuration };
    follower.receive({ type: 'installSnapshot', ...link, snapshot });

    const verdict = { index: 1, hash: 7 };
    follower.receive({ type: 'heartbeat', ...link, leaderCommit: 9, round: 1, verdict });

    expect(follower.persist().sent('heartbeatReply')?.checkpoint).toBeUndefined();
  });
});
