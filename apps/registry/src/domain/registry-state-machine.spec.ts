import { registry } from '@raftway/contracts';
import { Bench, instanceOf } from '../testing/bench';
import { COMMAND_VERSION, decodeCommand } from './commands';
import { STATE_LIMITS } from './limits';
import { RegistryStateMachine } from './registry-state-machine';
import type { RegistryResult } from './results';

const { DEREGISTERED, EXPIRED } = registry.RemovedInstance_Reason;
const { DRAINING, SERVING } = registry.InstanceStatus;

describe('registering', () => {
  it('lists the instance with the revision at which it changed', () => {
    const bench = new Bench();

    bench.register(instanceOf('greeter', 'a'));

    const registration = bench.machine.state.services.get('greeter')?.registrations.get('a');
    expect(registration?.instance.modifiedRevision).toBe(2n);
    expect(bench.machine.state.revision).toBe(2);
  });

  it('never gives the same lease id twice, not even to the same instance', () => {
    const bench = new Bench();

    const first = bench.register(instanceOf('greeter', 'a'));
    const second = bench.register(instanceOf('greeter', 'a'));

    expect(second).not.toBe(first);
  });

  it('gives instances with the same log index in two groups different lease ids', () => {
    const one = new Bench().register(instanceOf('greeter', 'a'));
    const other = new Bench().register(instanceOf('greeter', 'b'));

    expect(one).not.toBe(other);
  });

  it('keeps the place in the list of an instance that registers again', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'));
    bench.register(instanceOf('greeter', 'b'));

    bench.register(instanceOf('greeter', 'a', { address: '127.0.0.1:2' }));

    expect(bench.names()).toEqual(['greeter/a', 'greeter/b']);
  });

  it('begins revisions where the first registration says, and only there', () => {
    const bench = new Bench();
    const instance = instanceOf('greeter', 'a');

    bench.run({ kind: 'register', instance, ttlMs: 1000, firstRevision: 5000 });
    bench.run({ kind: 'register', instance, ttlMs: 1000, firstRevision: 9000 });

    expect(bench.machine.state.revision).toBe(5002);
  });

  it('lets nobody resume from a revision of the time before the first registration', () => {
    const bench = new Bench();
    const instance = instanceOf('greeter', 'a');

    bench.run({ kind: 'register', instance, ttlMs: 1000, firstRevision: 5000 });

    expect(bench.machine.state.changesSince(60)).toBeUndefined();
    expect(bench.machine.state.changesSince(5000)?.upserts).toHaveLength(1);
  });
});

describe('the limits', () => {
  const limits = { ...STATE_LIMITS, instancesMax: 2 };

  it('refuse one instance too many and change nothing', () => {
    const bench = new Bench(limits);
    bench.register(instanceOf('greeter', 'a'));
    bench.register(instanceOf('greeter', 'b'));
    const before = bench.machine.snapshot();

    const instance = instanceOf('greeter', 'c');
    const result = bench.run({ kind: 'register', instance, ttlMs: 1000, firstRevision: 1 });

    expect(result).toEqual({ kind: 'limitReached', limit: 'instancesMax' });
    expect(bench.machine.snapshot()).toEqual(before);
  });

  it('still let a known instance register again', () => {
    const bench = new Bench(limits);
    bench.register(instanceOf('greeter', 'a'));
    bench.register(instanceOf('greeter', 'b'));

    expect(() => bench.register(instanceOf('greeter', 'b'))).not.toThrow();
  });

  it('count bytes, and give them back', () => {
    const bench = new Bench({ ...STATE_LIMITS, instanceBytesMax: 1200 });
    const large = instanceOf('greeter', 'a', { metadata: { key: 'x'.repeat(800) } });
    const lease = bench.register(large);
    const other = { ...large, instanceId: 'b' };

    const refused = bench.run({
      kind: 'register',
      instance: other,
      ttlMs: 1000,
      firstRevision: 1,
    });
    bench.run({ kind: 'deregister', leaseId: lease });

    expect(refused).toEqual({ kind: 'limitReached', limit: 'instanceBytesMax' });
    expect(() => bench.register(other)).not.toThrow();
  });
});

describe('a lease', () => {
  it('ends when its time to live has passed without a renewal', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'), 1000);

    bench.passTime(999);
    const before = bench.names();
    bench.passTime(1);

    expect(before).toEqual(['greeter/a']);
    expect(bench.names()).toEqual([]);
    expect(bench.machine.expiredTotal).toBe(1);
  });

  it('lives on from the moment of its renewal', () => {
    const bench = new Bench();
    const lease = bench.register(instanceOf('greeter', 'a'), 1000);
    bench.passTime(900);

    const result = bench.run({ kind: 'renew', leaseIds: [lease] });
    bench.passTime(900);

    expect(result).toEqual({ kind: 'renewed', ttlsMs: [1000] });
    expect(bench.names()).toEqual(['greeter/a']);
    expect(bench.machine.nextDeadlineMs()).toBe(1900);
  });

  it('is not renewed at the very moment of its deadline', () => {
    const bench = new Bench();
    const lease = bench.register(instanceOf('greeter', 'a'), 1000);
    bench.nowMs = 1000;

    expect(bench.run({ kind: 'renew', leaseIds: [lease] })).toEqual({
      kind: 'renewed',
      ttlsMs: [0],
    });
  });

  it('is renewed in a batch, each answered in its place', () => {
    const bench = new Bench();
    const a = bench.register(instanceOf('greeter', 'a'), 1000);
    const b = bench.register(instanceOf('greeter', 'b'), 2000);

    const result = bench.run({ kind: 'renew', leaseIds: [b, 'gone', a] });

    expect(result).toEqual({ kind: 'renewed', ttlsMs: [2000, 0, 1000] });
  });

  it('of an earlier registration can neither renew, nor change, nor remove the new one', () => {
    const bench = new Bench();
    const old = bench.register(instanceOf('greeter', 'a'));
    bench.register(instanceOf('greeter', 'a'));
    const before = bench.machine.snapshot();

    const results = [
      bench.run({ kind: 'deregister', leaseId: old }),
      bench.run({ kind: 'setStatus', leaseId: old, status: DRAINING }),
      bench.run({ kind: 'renew', leaseIds: [old] }),
    ];

    expect(results).toMatchObject([
      { kind: 'leaseNotFound' },
      { kind: 'leaseNotFound' },
      { kind: 'renewed', ttlsMs: [0] },
    ]);
    expect(bench.machine.snapshot()).toEqual(before);
  });

  it('of an earlier registration does not end the new one when its deadline passes', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'), 1000);
    bench.register(instanceOf('greeter', 'a'), 5000);

    bench.passTime(2000);

    expect(bench.names()).toEqual(['greeter/a']);
  });

  it('ends together with all others that are due, at one revision', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'), 1000);
    bench.register(instanceOf('greeter', 'b'), 900);
    bench.register(instanceOf('lock', 'c'), 5000);
    const { revision } = bench.machine.state;

    bench.passTime(1000);

    expect(bench.machine.state.revision).toBe(revision + 1);
    expect(bench.machine.state.changesSince(revision)).toEqual({
      upserts: [],
      removals: [
        { service: 'greeter', instanceId: 'b', reason: EXPIRED },
        { service: 'greeter', instanceId: 'a', reason: EXPIRED },
      ],
    });
  });
});

describe('the status', () => {
  it('changes the instance and its revision', () => {
    const bench = new Bench();
    const lease = bench.register(instanceOf('greeter', 'a'));

    const result = bench.run({ kind: 'setStatus', leaseId: lease, status: DRAINING });

    expect(result).toMatchObject({ kind: 'statusSet', revision: 3 });
    expect(bench.machine.state.instanceOf(lease)).toMatchObject({
      status: DRAINING,
      modifiedRevision: 3n,
    });
  });

  it('does not use up a revision when it is what it was', () => {
    const bench = new Bench();
    const lease = bench.register(instanceOf('greeter', 'a'));

    const result = bench.run({ kind: 'setStatus', leaseId: lease, status: SERVING });

    expect(result).toMatchObject({ kind: 'statusSet', revision: 2 });
  });
});

describe('changes since a revision', () => {
  it('are one entry an instance, in the order of the list', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'));
    bench.register(instanceOf('greeter', 'b'));
    const lease = bench.register(instanceOf('greeter', 'a', { zone: 'z' }));
    bench.run({ kind: 'setStatus', leaseId: lease, status: DRAINING });

    const changes = bench.machine.state.changesSince(1);

    expect(changes?.removals).toEqual([]);
    expect(
      changes?.upserts.map(({ instanceId, zone, status }) => [instanceId, zone, status]),
    ).toEqual([
      ['a', 'z', DRAINING],
      ['b', '', SERVING],
    ]);
  });

  it('name an instance that left and came back in both lists, so that it moves to the end', () => {
    const bench = new Bench();
    const lease = bench.register(instanceOf('greeter', 'a'));
    bench.run({ kind: 'deregister', leaseId: lease });
    bench.register(instanceOf('greeter', 'a'));

    const changes = bench.machine.state.changesSince(2);

    expect(changes?.removals).toEqual([
      { service: 'greeter', instanceId: 'a', reason: DEREGISTERED },
    ]);
    expect(changes?.upserts).toHaveLength(1);
  });

  it('list a service where snapshots list it, though its first instance has left', () => {
    const bench = new Bench();
    const first = bench.register(instanceOf('old', 'a'));
    bench.register(instanceOf('new', 'b'));
    bench.register(instanceOf('old', 'c'));
    bench.run({ kind: 'deregister', leaseId: first });

    const changes = bench.machine.state.changesSince(1);

    expect(changes?.upserts.map(({ instanceId }) => instanceId)).toEqual(['c', 'b']);
    expect(bench.names()).toEqual(['old/c', 'new/b']);
  });

  it('leave out an instance that came and left', () => {
    const bench = new Bench();
    const lease = bench.register(instanceOf('greeter', 'a'));
    bench.run({ kind: 'deregister', leaseId: lease });

    expect(bench.machine.state.changesSince(1)?.upserts).toEqual([]);
  });

  it('can be of one service only', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'));
    bench.register(instanceOf('lock', 'b'));

    const changes = bench.machine.state.changesSince(1, 'lock');

    expect(changes?.upserts.map(({ instanceId }) => instanceId)).toEqual(['b']);
  });

  it('are unknown for a revision from the future', () => {
    expect(new Bench().machine.state.changesSince(2)).toBeUndefined();
  });

  it('are unknown once the history no longer reaches back, by count or by bytes', () => {
    for (const limits of [
      { ...STATE_LIMITS, historyChangesMax: 3 },
      { ...STATE_LIMITS, historyBytesMax: 200 },
    ]) {
      const bench = new Bench(limits);
      for (let round = 0; round < 5; round += 1) bench.register(instanceOf('greeter', `${round}`));
      const { revision, history } = bench.machine.state;

      expect(bench.machine.state.changesSince(2)).toBeUndefined();
      expect(bench.machine.state.changesSince(history.floor)).toBeDefined();
      expect(bench.machine.state.changesSince(history.floor - 1)).toBeUndefined();
      expect(history.floor).toBeLessThan(revision);
      expect(history.length).toBeLessThanOrEqual(3);
    }
  });

  it('are unknown when one revision alone is more than the history holds', () => {
    const bench = new Bench({ ...STATE_LIMITS, historyChangesMax: 3 });
    for (let round = 0; round < 5; round += 1) bench.register(instanceOf('greeter', `${round}`));
    const { revision } = bench.machine.state;

    bench.passTime(20_000);

    expect(bench.machine.state.changesSince(revision)).toBeUndefined();
    expect(bench.machine.state.changesSince(revision + 1)).toEqual({ upserts: [], removals: [] });
  });
});

describe('a gRPC service name', () => {
  const shared = { grpcServices: ['helloworld.Greeter'] };

  it('that two services claim is a conflict, won by the service that came first', () => {
    const bench = new Bench();
    bench.register(instanceOf('old', 'a', shared));
    bench.register(instanceOf('new', 'b', shared));

    expect(bench.machine.state.claimConflicts()).toEqual([
      { grpcService: 'helloworld.Greeter', owner: 'old', losers: ['new'] },
    ]);
  });

  it('stays with its service when the first instance goes and another is there', () => {
    const bench = new Bench();
    const first = bench.register(instanceOf('old', 'a', shared));
    bench.register(instanceOf('new', 'b', shared));
    bench.register(instanceOf('old', 'c', shared));

    bench.run({ kind: 'deregister', leaseId: first });

    expect(bench.machine.state.claimConflicts()[0]?.owner).toBe('old');
    expect(bench.restored().state.claimConflicts()[0]?.owner).toBe('old');
    expect(bench.names()).toEqual(['old/c', 'new/b']);
  });

  it('is free again when the last claimant but one is gone', () => {
    const bench = new Bench();
    const first = bench.register(instanceOf('old', 'a', shared));
    bench.register(instanceOf('new', 'b', shared));

    bench.run({ kind: 'deregister', leaseId: first });

    expect(bench.machine.state.claimConflictCount).toBe(0);
  });
});

describe('bytes', () => {
  it('that are no command change nothing and are answered', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'));
    const before = bench.machine.snapshot();
    const context = { index: 2, nowMs: 0 };

    for (const bytes of [[], [1], [1, 99], [1, 1, 200], [1, 2, 255, 255, 3, 1]]) {
      expect(bench.machine.apply(Uint8Array.from(bytes), context)).toEqual({ kind: 'malformed' });
    }
    expect(bench.machine.snapshot()).toEqual(before);
  });

  it('of a command from a newer version stop the replica instead of letting it differ', () => {
    expect(() => decodeCommand(Uint8Array.from([COMMAND_VERSION + 1, 1]))).toThrow(/newer/);
  });

  it('of a foreign snapshot are refused', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'));
    const good = bench.machine.snapshot();

    expect(() => new RegistryStateMachine().restore(Uint8Array.from([9, ...good]))).toThrow(
      /version/,
    );
    expect(() => new RegistryStateMachine().restore(good.slice(0, -1))).toThrow();
    expect(() => new RegistryStateMachine().restore(Uint8Array.from([...good, 0]))).toThrow(
      /left over/,
    );
  });

  it('of every kind of result survive a round trip', () => {
    const results: RegistryResult[] = [
      { kind: 'registered', leaseId: '7-0a', revision: 2 ** 41, ttlMs: 86_400_000 },
      { kind: 'renewed', ttlsMs: [0, 10_000] },
      { kind: 'deregistered', revision: 3, fingerprint: 2 ** 32 - 1 },
      { kind: 'statusSet', revision: 4, fingerprint: 7 },
      { kind: 'leaseNotFound', fingerprint: 1 },
      { kind: 'limitReached', limit: 'instanceBytesMax' },
      { kind: 'malformed' },
    ];
    const machine = new RegistryStateMachine();

    for (const result of results) {
      expect(machine.decodeResult(machine.encodeResult(result))).toEqual(result);
    }
    // Version 1 had no fingerprints.
    expect(machine.decodeResult(Uint8Array.from([1, 5]))).toEqual({
      kind: 'leaseNotFound',
      fingerprint: 0,
    });
    expect(() => machine.decodeResult(Uint8Array.from([2, 77]))).toThrow();
    expect(() => machine.decodeResult(Uint8Array.from([3, 7]))).toThrow();
  });
});

describe('coming back from a backup', () => {
  const GAP = 1000;

  function comeBack(bench: Bench): void {
    const back = { index: 1, nowMs: bench.nowMs, indexGap: GAP, sequenceGap: 1n };
    bench.machine.returnFromBackup({ ...back, takenAtMs: 0, restoredAtMs: 0 });
  }

  it('keeps who is registered, and gives everybody the whole time to live to be heard again', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'));
    const deadlineMs = bench.machine.state.nextDeadlineMs() ?? 0;
    bench.nowMs = deadlineMs - 1;

    comeBack(bench);

    expect(bench.names()).toEqual(['greeter/a']);
    expect(bench.machine.state.nextDeadlineMs()).toBeGreaterThan(deadlineMs);
  });

  it('goes on above all revisions of before, and lets no watcher of before resume', () => {
    const bench = new Bench();
    bench.register(instanceOf('greeter', 'a'));
    const backup = bench.machine.snapshot();
    const before = bench.machine.state.revision;
    bench.register(instanceOf('greeter', 'b'));
    const later = bench.machine.state.revision;
    bench.machine.restore(backup);

    comeBack(bench);

    const { state } = bench.machine;
    expect(state.revision).toBe(before + 2 * GAP);
    expect(state.changesSince(before)).toBeUndefined();
    bench.register(instanceOf('greeter', 'c'));
    expect(state.changesSince(later)).toBeUndefined();
    expect(state.changesSince(before + 2 * GAP)?.upserts).toHaveLength(1);
  });

  it('of a registry in which nothing was ever registered leaves it to the first to say where revisions begin', () => {
    const bench = new Bench();
    comeBack(bench);

    const instance = instanceOf('greeter', 'a');
    bench.run({ kind: 'register', instance, ttlMs: 1000, firstRevision: 5000 });

    expect(bench.machine.state.revision).toBe(5001);
  });
});
