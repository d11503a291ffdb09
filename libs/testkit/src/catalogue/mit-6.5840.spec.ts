/*
 * The Raft tests of MIT 6.5840 (labs 3A to 3D) by name, on the simulator: what they assert of logs and terms its checker asserts after every step.
 */
import { Scenario } from './scenario';

describe('MIT 6.5840, 3A: election', () => {
  it('InitialElection: there is a leader, and it stays', async () => {
    const scenario = await Scenario.start(3);
    const before = (await scenario.leader()).raft?.term;
    await scenario.pass(10 * scenario.electionTimeoutMs);
    expect((await scenario.leader()).raft?.term).toBe(before);
  });

  it('ReElection: another leader without the first, none without a quorum, and no harm when they come back', async () => {
    const scenario = await Scenario.start(3);
    const first = await scenario.leader();
    scenario.disconnect(first);
    const second = await scenario.leader();
    expect(second).not.toBe(first);
    scenario.connect(first);
    await scenario.pass(6 * scenario.electionTimeoutMs);
    expect(await scenario.leader()).toBe(second);

    scenario.disconnect(second, first);
    await scenario.pass(6 * scenario.electionTimeoutMs);
    expect(scenario.servers.filter(({ raft }) => raft?.role === 'leader')).toEqual([]);
    scenario.connect(first);
    await scenario.leader();
    await scenario.finish();
  });

  it('ManyElections: ten times three of seven servers are away', async () => {
    const scenario = await Scenario.start(7);
    for (let round = 0; round < 10; round += 1) {
      const all = [...scenario.servers];
      const away = [0, 1, 2].map(() => {
        const at = scenario.group.random.integer(0, all.length - 1);
        return all.splice(at, 1)[0] as (typeof all)[number];
      });
      scenario.disconnect(...away);
      expect(away).not.toContain(await scenario.leader());
      scenario.connect(...away);
    }
    await scenario.finish();
  });
});

describe('MIT 6.5840, 3B: log', () => {
  it('BasicAgree: commands are committed', async () => {
    const scenario = await Scenario.start(5);
    await scenario.commit(3);
    await scenario.finish();
  });

  it('RPCBytes: every entry is sent to every follower once', async () => {
    const scenario = await Scenario.start(3);
    await scenario.commit(1);
    await scenario.pass(500);
    const { coverage } = scenario.group;
    const before = coverage.entriesSent;
    const expiries = coverage.expiries;
    await scenario.commit(10);
    const entries = 10 + coverage.expiries - expiries;
    expect(coverage.entriesSent - before).toBeLessThanOrEqual(2 * entries);
  });

  it('FollowerFailure: one follower less does no harm, two less are too many', async () => {
    const scenario = await Scenario.start(3);
    const leader = await scenario.leader();
    const [one, other] = scenario.others(leader);
    if (one === undefined || other === undefined) throw new Error('three servers are needed');
    scenario.disconnect(one);
    await scenario.commit(2);
    scenario.disconnect(other);
    const before = scenario.group.checker.committedIndex;
    scenario.propose(leader, 3);
    await scenario.pass(10 * scenario.electionTimeoutMs);
    expect(scenario.group.checker.committedIndex).toBe(before);
    await scenario.finish();
  });

  it('LeaderFailure: the group goes on without one leader, and not without two', async () => {
    const scenario = await Scenario.start(3);
    scenario.disconnect(await scenario.leader());
    await scenario.commit(2);
    const second = await scenario.leader();
    scenario.disconnect(second);
    const before = scenario.group.checker.committedIndex;
    for (const server of scenario.servers) scenario.propose(server);
    await scenario.pass(10 * scenario.electionTimeoutMs);
    expect(scenario.group.checker.committedIndex).toBe(before);
    await scenario.finish();
  });

  it('FailAgree: a follower that was away gets what it missed', async () => {
    const scenario = await Scenario.start(3);
    await scenario.commit();
    const follower = scenario.others(await scenario.leader())[0];
    if (follower === undefined) throw new Error('a follower is needed');
    scenario.disconnect(follower);
    await scenario.commit(4);
    scenario.connect(follower);
    await scenario.commit(2);
    await scenario.finish();
  });

  it('FailNoAgree: without a quorum nothing is committed, and afterwards everything goes on', async () => {
    const scenario = await Scenario.start(5);
    await scenario.commit();
    const leader = await scenario.leader();
    const away = scenario.others(leader).slice(0, 3);
    scenario.disconnect(...away);
    const before = scenario.group.checker.committedIndex;
    scenario.propose(leader);
    await scenario.pass(2 * scenario.electionTimeoutMs);
    expect(scenario.group.checker.committedIndex).toBe(before);
    scenario.connect(...away);
    await scenario.commit(2);
    await scenario.finish();
  });

  it('ConcurrentStarts: commands that come together are all committed', async () => {
    const scenario = await Scenario.start(3);
    let acknowledged = 0;
    const leader = await scenario.leader();
    scenario.propose(leader, 5, (outcome) => {
      if (outcome === 'acknowledged') acknowledged += 1;
    });
    await scenario.until('not all are acknowledged', () => acknowledged === 5);
    await scenario.finish();
  });

  it('Rejoin: entries of a leader that was cut off give way to its successor’s', async () => {
    const scenario = await Scenario.start(3);
    await scenario.commit();
    const first = await scenario.leader();
    scenario.disconnect(first);
    scenario.propose(first, 3);
    await scenario.commit();
    const second = await scenario.leader();
    scenario.disconnect(second);
    scenario.propose(second);
    scenario.connect(first);
    await scenario.commit();
    scenario.connect(second);
    await scenario.commit();
    await scenario.finish();
  });

  it('Backup: a long wrong tail is left behind in a few messages', async () => {
    const scenario = await Scenario.start(5);
    await scenario.commit();
    const first = await scenario.leader();
    const [partner, ...three] = scenario.others(first);
    if (partner === undefined) throw new Error('five servers are needed');
    scenario.disconnect(...three);
    scenario.propose(first, 50);
    await scenario.pass(scenario.electionTimeoutMs / 2);
    scenario.disconnect(first, partner);
    scenario.connect(...three);
    await scenario.commit(20);
    scenario.connect(first, partner);
    await scenario.commit(2);
    await scenario.finish();
  });

  it('Count: an election, ten commands and a second of idleness take few messages', async () => {
    const scenario = await Scenario.start(3);
    const { coverage, timing } = scenario.group;
    // Pre-votes, votes and the first entry; a tie now and then.
    expect(coverage.messages).toBeLessThan(60);
    await scenario.commit();
    await scenario.pass(500);
    const before = coverage.messages;
    await scenario.commit(10);
    const commands = coverage.messages - before;
    expect(commands).toBeLessThan(200);
    await scenario.pass(500);
    const idleFrom = coverage.messages;
    await scenario.pass(1000);
    const rounds = 1000 / timing.heartbeatIntervalMs + 1;
    expect(coverage.messages - idleFrom).toBeLessThanOrEqual(4 * rounds + 20);
  });
});

describe('MIT 6.5840, 3C: persistence', () => {
  it('Persist1: everything is there after all have lost power, and after some have', async () => {
    const scenario = await Scenario.start(3);
    await scenario.commit(2);
    scenario.crash(...scenario.servers);
    scenario.restart(...scenario.servers);
    await scenario.commit(2);
    const leader = await scenario.leader();
    scenario.crash(leader);
    await scenario.commit();
    scenario.restart(leader);
    await scenario.commit();
    await scenario.finish();
  });

  it('Persist2: five rounds of crashes of most servers', async () => {
    const scenario = await Scenario.start(5);
    for (let round = 0; round < 5; round += 1) {
      const [one, two, ...others] = scenario.servers;
      if (one === undefined || two === undefined) throw new Error('five servers are needed');
      await scenario.commit(2);
      scenario.crash(one, two);
      await scenario.commit(2);
      scenario.crash(...others);
      scenario.restart(one, two);
      await scenario.pass(scenario.electionTimeoutMs);
      scenario.restart(...others);
    }
    await scenario.finish();
  });

  it('Persist3: a leader that was cut off with a follower, which then loses power', async () => {
    const scenario = await Scenario.start(3);
    await scenario.commit();
    const leader = await scenario.leader();
    const [away, follower] = scenario.others(leader);
    if (away === undefined || follower === undefined) throw new Error('three servers are needed');
    scenario.disconnect(away);
    await scenario.commit();
    scenario.crash(leader, follower);
    scenario.connect(away);
    scenario.restart(leader);
    await scenario.commit();
    scenario.restart(follower);
    await scenario.commit();
    await scenario.finish();
  });

  it.each([false, true])(
    'Figure8: leaders that crash with entries on few disks',
    async (unreliable) => {
      const scenario = await Scenario.start(5, 8);
      const { random } = scenario.group;
      if (unreliable) scenario.becomeUnreliable();
      for (let round = 0; round < 80; round += 1) {
        const leaders = scenario.servers.filter(({ raft }) => raft?.role === 'leader');
        for (const leader of leaders) scenario.propose(leader);
        await scenario.pass(random.chance(0.1) ? random.integer(0, 150) : random.integer(0, 13));
        const up = scenario.servers.filter(({ isUp }) => isUp);
        if (leaders[0] !== undefined && up.length > 3) scenario.crash(leaders[0]);
        const down = scenario.servers.filter(({ isUp }) => !isUp);
        if (down.length > 0 && random.chance(0.6)) scenario.restart(random.pick(down));
        if (leaders.length === 0) await scenario.pass(scenario.electionTimeoutMs / 4);
      }
      await scenario.finish();
      expect(scenario.group.coverage.elections).toBeGreaterThan(5);
    },
  );

  it('UnreliableAgree: concurrent commands through a network that loses and repeats', async () => {
    const scenario = await Scenario.start(5);
    scenario.becomeUnreliable();
    for (let round = 0; round < 20; round += 1) {
      for (const server of scenario.servers) scenario.propose(server);
      await scenario.commit();
    }
    await scenario.finish();
  });

  it('Figure8Unreliable: leaders that are cut off in turn while messages are late by elections', async () => {
    const scenario = await Scenario.start(5, 9);
    const { random } = scenario.group;
    scenario.becomeUnreliable();
    for (let round = 0; round < 100; round += 1) {
      for (const server of scenario.servers) if (random.chance(0.5)) scenario.propose(server);
      await scenario.pass(random.chance(0.1) ? random.integer(0, 400) : random.integer(0, 20));
      const leader = scenario.present.find(({ raft }) => raft?.role === 'leader');
      if (leader !== undefined && random.chance(0.3) && scenario.present.length > 3) {
        scenario.disconnect(leader);
      }
      const away = scenario.servers.filter((server) => !scenario.present.includes(server));
      if (away.length > 0 && random.chance(0.4)) scenario.connect(random.pick(away));
    }
    await scenario.finish();
  });

  it.each([
    ['ReliableChurn', false],
    ['UnreliableChurn', true],
  ])('%s: clients while servers come and go', async (_name, unreliable) => {
    const scenario = await Scenario.start(5, 10);
    const { random, clients, coverage } = scenario.group;
    if (unreliable) scenario.becomeUnreliable();
    clients.start(3);
    for (let round = 0; round < 20; round += 1) {
      const server = random.pick(scenario.servers);
      if (random.chance(0.3) && scenario.present.length > 3) scenario.disconnect(server);
      else if (random.chance(0.5) && scenario.present.length > 3) scenario.crash(server);
      else {
        scenario.restart(server);
        scenario.connect(server);
      }
      await scenario.pass(random.integer(20, 300));
    }
    await scenario.finish();
    expect(coverage.acknowledged).toBeGreaterThan(20);
  });
});

describe('MIT 6.5840, 3D: snapshots', () => {
  it('SnapshotBasic: logs are compacted while commands go on', async () => {
    const scenario = await Scenario.start(3);
    await scenario.commit(120);
    expect(scenario.group.coverage.snapshotsTaken).toBeGreaterThan(0);
    await scenario.finish();
  });

  it.each([
    ['SnapshotInstall', false, false],
    ['SnapshotInstallUnreliable', true, false],
    ['SnapshotInstallCrash', false, true],
    ['SnapshotInstallUnCrash', true, true],
  ])('%s: a server that was away needs a snapshot', async (_name, unreliable, crash) => {
    const scenario = await Scenario.start(3);
    if (unreliable) scenario.becomeUnreliable();
    for (let round = 0; round < 3; round += 1) {
      const victim = scenario.others(await scenario.leader())[0];
      if (victim === undefined) throw new Error('a follower is needed');
      if (crash) scenario.crash(victim);
      else scenario.disconnect(victim);
      await scenario.commit(80);
      if (crash) scenario.restart(victim);
      else scenario.connect(victim);
      await scenario.until('the server does not catch up', () => {
        const { committedIndex } = scenario.group.checker;
        return victim.appliedIndex >= committedIndex - 2;
      });
    }
    expect(scenario.group.coverage.snapshotsInstalled).toBeGreaterThan(0);
    await scenario.finish();
  });

  it('SnapshotAllCrash: all lose power after snapshots', async () => {
    const scenario = await Scenario.start(3);
    for (let round = 0; round < 5; round += 1) {
      await scenario.commit(40);
      scenario.crash(...scenario.servers);
      scenario.restart(...scenario.servers);
      await scenario.leader();
    }
    await scenario.finish();
  });

  it('SnapshotInit: what follows a snapshot is there after two restarts', async () => {
    const scenario = await Scenario.start(3);
    await scenario.commit(60);
    for (let round = 0; round < 2; round += 1) {
      scenario.crash(...scenario.servers);
      scenario.restart(...scenario.servers);
      await scenario.commit();
    }
    await scenario.finish();
  });
});
