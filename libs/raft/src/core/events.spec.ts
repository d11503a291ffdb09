import { Group, Harness } from '../../test/core-harness';
import type { RaftEvent } from './events';

function campaigns(server: Harness): string[] {
  return server.events.flatMap((event) =>
    event.type === 'campaign' ? [`${event.preVote ? 'pre-vote' : 'election'} ${event.cause}`] : [],
  );
}

function losses(server: Harness): RaftEvent[] {
  return server.events.filter(({ type }) => type === 'leadershipLost');
}

describe('a campaign says why it began', () => {
  it('because nobody led since the start', () => {
    const group = new Group(3).elect(1);

    const said = campaigns(group.server(1));
    expect(new Set(said)).toEqual(new Set(['pre-vote noLeader', 'election noLeader']));
    expect(said.at(-1)).toBe('election noLeader');
  });

  it('because the leader was silent, and then because that brought no leader', () => {
    const group = new Group(3).elect(1).tick(100);
    group.cut = () => true;

    group.server(2).tick(3000);

    const [first, ...later] = campaigns(group.server(2));
    expect(first).toBe('pre-vote leaderSilent');
    expect(new Set(later)).toEqual(new Set(['pre-vote noLeader']));
  });

  it('because the leader’s process has ended', () => {
    const group = new Group(3).elect(1).tick(100);
    group.cut = ({ from, to }) => from === 1 || to === 1;
    for (const id of [2, 3]) group.server(id).step({ type: 'peerGone', id: 1 });

    group.tick(300);

    expect(campaigns(group.server(2))).toEqual(['pre-vote leaderGone', 'election leaderGone']);
  });

  it('because leadership was handed to it, without asking first', () => {
    const group = new Group(3).elect(1).tick(100);

    group.server(1).step({ type: 'transferLeadership', target: 3 });
    group.settle();

    expect(campaigns(group.server(3))).toEqual(['election transfer']);
    expect(losses(group.server(1))).toEqual([
      { type: 'leadershipLost', term: 2, cause: 'transferred' },
    ]);
  });
});

describe('a leader that is one no longer says why', () => {
  it('no majority answered it', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();

    server.tick(600);

    expect(losses(server)).toEqual([{ type: 'leadershipLost', term: 2, cause: 'quorumLost' }]);
  });

  it('its disk did not answer', () => {
    const server = new Harness({ id: 1, members: 3, diskStallTimeoutMs: 1000 })
      .becomeLeader(2)
      .persist();
    server.propose(1);

    for (let round = 0; round < 11; round += 1) {
      server.tick(100);
      server.receive({ type: 'heartbeatReply', from: 2, to: 1, term: 2, round: 0 });
    }

    expect(losses(server)).toEqual([{ type: 'leadershipLost', term: 2, cause: 'diskStalled' }]);
  });

  it('somebody else leads a newer term', () => {
    const server = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();

    server.receive({ type: 'heartbeat', from: 3, to: 1, term: 7, leaderCommit: 0, round: 1 });

    expect(losses(server)).toEqual([{ type: 'leadershipLost', term: 2, cause: 'newerTerm' }]);
  });

  it('it was removed', () => {
    const group = new Group(3).elect(1).tick(100);

    group.server(1).change({ type: 'remove', id: 1 });
    group.settle();

    expect(losses(group.server(1))).toEqual([
      { type: 'leadershipLost', term: 2, cause: 'removed' },
    ]);
  });
});
