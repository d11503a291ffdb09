import { Group } from '../core-harness';

describe('election timeouts', () => {
  it('E9: servers that draw the same timeouts again and again lead sooner or later all the same', () => {
    // etcd #10483: with equal timeouts everywhere and a lease check the group locks up.
    let draws = 0;
    const random = (): number => {
      draws += 1;
      return draws <= 30 ? 0.5 : (draws * 0.37) % 1;
    };
    const group = new Group(3, { random });
    group.tick(15_000);
    expect(draws).toBeGreaterThan(30);
    expect(group.servers.filter(({ raft }) => raft.role === 'leader')).toHaveLength(1);
    const term = group.leader.raft.term;
    group.tick(5_000);
    expect(group.leader.raft.term).toBe(term);
  });
});
