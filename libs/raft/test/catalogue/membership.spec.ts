import { Group, Harness } from '../core-harness';

/** Servers 1 and 2, led by server 1, and server 3 beside them. */
function twoAndAStranger(): Group {
  const group = new Group(2);
  group.servers.push(new Harness({ id: 3, members: 2, join: true, random: () => 0.5 }));
  return group.elect(1);
}

describe('changes of members', () => {
  it('C6: a majority that is alive elects somebody, also when it does not know that the change is committed', () => {
    // etcd #12359: where a configuration is in force only once it is committed, server 3 does not know that it may lead, and server 2 that server 3 is enough.
    const group = twoAndAStranger();
    group.server(1).change({ type: 'add', id: 3, address: 'host-3:1', promote: false });
    group.settle();
    // Server 2 does not hear of the promotion, and server 3 not that it is committed.
    group.cut = ({ type, from, to }) =>
      from === 2 || to === 2 || (to === 3 && type === 'heartbeat');
    group.server(1).change({ type: 'promote', id: 3 });
    group.settle();
    const promotedAt = group.server(1).raft.configurationIndex;
    expect(group.server(1).raft.commitIndex).toBe(promotedAt);
    expect(group.server(3).raft.commitIndex).toBeLessThan(promotedAt);
    expect(group.server(2).raft.lastIndex).toBeLessThan(promotedAt);

    group.cut = ({ from, to }) => from === 1 || to === 1;
    group.tick(5000);

    expect(group.server(3).raft.role).toBe('leader');
    expect(group.server(2).raft.leaderId).toBe(3);
    expect(group.server(3).raft.commitIndex).toBe(group.server(3).raft.lastIndex);
  });

  it.each(['remove', 'demote'] as const)(
    'E10: leadership does not go to somebody whom the change under way makes no voter: %s',
    (type) => {
      const leader = new Harness({ id: 1, members: 3 }).becomeLeader(2).persist();
      leader.acknowledge(2, 2).change({ type, id: 3 }).persist();
      // It has everything, and could campaign at once.
      leader.acknowledge(3, leader.raft.lastIndex);
      expect(leader.raft.commitIndex).toBeLessThan(leader.raft.lastIndex);

      leader.step({ type: 'transferLeadership', target: 3 });
      expect(leader.sent('timeoutNow')).toBeUndefined();
      leader.step({ type: 'transferLeadership', target: 2 }).acknowledge(2, leader.raft.lastIndex);

      expect(leader.sent('timeoutNow')?.to).toBe(2);
    },
  );

  it('E10: nobody is removed while leadership goes to him, and afterwards somebody can be', () => {
    const group = new Group(3).elect(1);
    group.cut = ({ type }) => type === 'timeoutNow';
    group.server(1).step({ type: 'transferLeadership', target: 3 });

    group.server(1).change({ type: 'remove', id: 3 });
    expect(group.server(1).changes).toMatchObject([{ refusal: 'transferring' }]);
    // The transfer does not come to pass.
    group.tick(1000);
    group.server(1).change({ type: 'remove', id: 3 });
    group.settle();

    expect(group.server(1).raft.configuration.members.map(({ id }) => id)).toEqual([1, 2]);
    expect(group.server(1).raft.commitIndex).toBe(group.server(1).raft.lastIndex);
  });
});
