/*
 * Scenarios of docs/internals/catalogue.md that need a whole group in virtual time. Each names the mistake that it guards against.
 */
import { endure } from '../simulation/endure';
import type { LastingFault } from '../simulation/lasting-faults';
import { FAULT_KINDS } from '../simulation/nemesis';
import { simulate } from '../simulation/simulation';
import { Scenario } from './scenario';

/** A group that is whole suffers a fault that stays, for some seeds, and must commit and keep one leader. */
async function endures(fault: LastingFault, nodes: number): Promise<void> {
  for (let seed = 1; seed <= 5; seed += 1) {
    const scenario = await Scenario.start(nodes, seed);
    await scenario.commit(5);
    await endure(scenario.group, fault, scenario.group.random);
    await scenario.finish();
  }
}

describe('partial connectivity', () => {
  it.each([3, 5])(
    'N1: a follower cut off from the leader alone does not force elections, of %i',
    (nodes) =>
      // Cloudflare, 2 November 2020: six hours and a half of elections.
      endures('oneLink', nodes),
  );

  it('N2: in a chain of four of five servers a leader is found, and stays', () =>
    // Howard and Abraham 2020: without PreVote and CheckQuorum the chain 4-2-3-5 elects for ever.
    endures('chain', 5));

  it('N3: in a chain of three with the leader at its end, the server in the middle or its neighbour leads', () =>
    // OmniPaxos’ “chained” shape: leadership goes to and fro between the ends.
    endures('chain', 3));

  it.each([3, 5])('N4: a leader that only sends is replaced, of %i', (nodes) =>
    // It goes on telling everybody that it leads, and commits nothing (no CheckQuorum).
    endures('sendsOnly', nodes),
  );

  it.each([3, 5])('N4: a leader that only hears is replaced, of %i', (nodes) =>
    // It believes in itself as long as somebody talks to it.
    endures('hearsOnly', nodes),
  );

  it.each([3, 5])('N4: a follower that only sends deposes nobody, of %i', (nodes) =>
    // It asks for votes for ever, with ever newer terms (no PreVote).
    endures('followerSendsOnly', nodes),
  );

  it('N5: links that are clogged one after the other and freed in another order break nothing', async () => {
    // What was held up arrives long after everybody has moved on.
    const kept = ['swizzle', 'clog'];
    const without = ['lasting', ...FAULT_KINDS.filter((kind) => !kept.includes(kind))];
    let clogs = 0;
    for (let seed = 1; seed <= 10; seed += 1) {
      clogs += (await simulate({ seed, nodes: 5, without })).clogs;
    }
    expect(clogs).toBeGreaterThan(10);
  });
});

describe('links in one direction', () => {
  it('R8: a follower that cannot answer does not keep the others from committing', async () => {
    // The leader’s window to it fills and stays full; freed, it must be sent everything again.
    const scenario = await Scenario.start(3);
    const leader = await scenario.leader();
    const [follower] = scenario.others(leader);
    if (follower === undefined) throw new Error('a follower is needed');
    scenario.group.network.cutLink(follower.id, leader.id);
    await scenario.commit(60);
    scenario.group.network.heal();
    await scenario.until('the follower does not catch up', () => {
      return follower.appliedIndex === scenario.group.checker.committedIndex;
    });
    await scenario.finish();
  });
});

describe('a process that stands still', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'L4: a leader that stands still between taking a read and answering it does not answer from the past, seed %i',
    async (seed) => {
      // Its answer would lack what its successor has committed meanwhile (etcd #20418).
      const scenario = await Scenario.start(3, seed);
      await scenario.commit(3);
      const old = await scenario.leader();
      const { clients, coverage } = scenario.group;
      clients.read(old);
      old.freeze();
      const others = scenario.others(old);
      await scenario.until('no successor', () =>
        others.some(({ raft }) => raft?.role === 'leader'),
      );
      const successor = others.find(({ raft }) => raft?.role === 'leader');
      if (successor === undefined) throw new Error('a successor is needed');
      let isDone = false;
      scenario.propose(successor, 1, () => (isDone = true));
      await scenario.until('the successor does not commit', () => isDone);
      // The clients' check throws if one of these is answered without the successor's command.
      for (let count = 0; count < 5; count += 1) clients.read(old);
      old.thaw();
      await scenario.pass(1000);
      expect(coverage.reads + coverage.readsRefused).toBeGreaterThanOrEqual(6);
      await scenario.finish();
    },
  );

  it('J1: servers that stand still in turn for longer than an election timeout end no session early and lose nothing', async () => {
    // A garbage collection or a big JSON.parse on the event loop: overdue timers, and heartbeats that wait in sockets.
    const scenario = await Scenario.start(3);
    for (let round = 0; round < 6; round += 1) {
      const server = scenario.servers[round % 3];
      if (server === undefined) throw new Error('three servers are needed');
      server.freeze();
      await scenario.pass(3 * scenario.electionTimeoutMs);
      server.thaw();
      await scenario.commit(2);
    }
    await scenario.finish();
  });
});

describe('disks that do not answer', () => {
  it.each([3, 5])('D9: a leader whose disk hangs does not stop the group, of %i', (nodes) =>
    // Its heartbeats go on, so that nobody replaces it (hashicorp/raft #503).
    endures('hungDisk', nodes),
  );
});

describe('snapshots on their way', () => {
  it('S4: heartbeats during a transfer neither abort it nor begin another one', async () => {
    // camunda #46345: a follower that is heard while its snapshot travels is sent the next.
    const scenario = await Scenario.start(3);
    const [victim] = scenario.others(await scenario.leader());
    if (victim === undefined) throw new Error('a follower is needed');
    scenario.disconnect(victim);
    await scenario.commit(80);
    const before = scenario.group.coverage.snapshotsInstalled;
    scenario.connect(victim);
    await scenario.until('the server does not catch up', () => {
      return victim.appliedIndex === scenario.group.checker.committedIndex;
    });
    await scenario.pass(1000);
    expect(scenario.group.coverage.snapshotsInstalled - before).toBe(1);
  });
});
