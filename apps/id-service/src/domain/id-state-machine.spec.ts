import { fingerprint } from '@raftway/raft/state-machine';
import { encodeCommand, type IdCommand, type LeaseWorkerCommand } from './commands';
import { IdStateMachine } from './id-state-machine';
import { CEILING_AHEAD_MAX_MS, SEQUENCE_NUMBER_MAX, WORKERS_MAX } from './limits';
import type { IdResult, WorkerGranted } from './results';

const EPOCH_MS = Date.UTC(2025, 0, 1);
const WALL_MS = EPOCH_MS + 100 * 86_400_000;
const RESERVE_MS = 3_000;
const LEASE_MS = 30_000;
const HOUR_MS = 3_600_000;

function lease(fields: Partial<LeaseWorkerCommand> = {}): LeaseWorkerCommand {
  const wallMs = fields.wallMs ?? WALL_MS;
  return {
    kind: 'leaseWorker',
    epochMs: EPOCH_MS,
    instanceId: 'id-service-1',
    incarnation: 'a',
    wallMs,
    ceilingMs: wallMs + RESERVE_MS,
    leaseMs: LEASE_MS,
    takeOver: true,
    reserveMs: RESERVE_MS,
    ...fields,
  };
}

/** A state machine with a log clock that specs move by hand. */
class Group {
  readonly machine = new IdStateMachine({ sequencesMax: 3 });
  nowMs = 0;
  private index = 0;

  apply(command: IdCommand | Uint8Array): IdResult {
    this.index += 1;
    const context = { index: this.index, nowMs: this.nowMs };
    this.machine.expire(context);
    const bytes = command instanceof Uint8Array ? command : encodeCommand(command);
    return this.machine.apply(bytes, context);
  }

  granted(command: IdCommand): WorkerGranted {
    const result = this.apply(command);
    if (result.kind !== 'workerGranted') throw new Error(`refused: ${JSON.stringify(result)}`);
    return result;
  }

  renew(grant: WorkerGranted, fields: Partial<LeaseWorkerCommand>): IdResult {
    const { takeOver: _takeOver, reserveMs: _reserveMs, ...claim } = lease(fields);
    return this.apply({ ...claim, kind: 'renewWorker', worker: grant.worker });
  }
}

describe('a worker lease', () => {
  it('gives each instance a number of its own, and a range from its clock to the ceiling', () => {
    const group = new Group();

    const first = group.granted(lease());
    const second = group.granted(lease({ instanceId: 'id-service-2', incarnation: 'b' }));

    expect(first).toMatchObject({ worker: 0, ceilingMs: WALL_MS + RESERVE_MS });
    expect(second).toMatchObject({ worker: 1, ceilingMs: WALL_MS + RESERVE_MS });
  });

  it('is taken over at once by the next start of the same instance, above the old ceiling', () => {
    const group = new Group();
    const before = group.granted(lease());

    const after = group.granted(lease({ incarnation: 'b' }));

    expect(after.worker).toBe(before.worker);
    expect(after.firstMs).toBe(before.ceilingMs + 1);
    expect(after.ceilingMs).toBeGreaterThanOrEqual(after.firstMs + RESERVE_MS - 1);
  });

  it('is lost to the process that was taken over, which then gets a number of its own', () => {
    const group = new Group();
    const before = group.granted(lease());
    const after = group.granted(lease({ incarnation: 'b' }));

    const renewal = group.renew(before, { ceilingMs: WALL_MS + 9_000 });
    const again = group.granted(lease({ takeOver: false }));

    expect(renewal).toMatchObject({ kind: 'refused', reason: 'workerLost' });
    expect(again.worker).not.toBe(after.worker);
  });

  it('ends when it is not renewed; the number then goes to another instance, above the ceiling', () => {
    const group = new Group();
    const gone = Array.from({ length: WORKERS_MAX }, (_, at) =>
      group.granted(lease({ instanceId: `gone-${at}`, incarnation: `gone-${at}` })),
    );
    const full = group.apply(lease({ instanceId: 'new', incarnation: 'new' }));

    group.nowMs += LEASE_MS;
    const recycled = group.granted(lease({ instanceId: 'new', incarnation: 'new' }));

    expect(new Set(gone.map(({ worker }) => worker)).size).toBe(WORKERS_MAX);
    expect(full).toMatchObject({ kind: 'refused', reason: 'workersExhausted' });
    expect(recycled.worker).toBe(0);
    expect(recycled.firstMs).toBe((gone[0] as WorkerGranted).ceilingMs + 1);
  });

  it('has its deadline on the log clock', () => {
    const group = new Group();
    expect(group.machine.nextDeadlineMs()).toBeUndefined();

    const grant = group.granted(lease());
    group.nowMs = 10_000;
    group.granted(lease({ instanceId: 'id-service-2', incarnation: 'b' }));
    expect(group.machine.nextDeadlineMs()).toBe(LEASE_MS);

    group.renew(grant, {});
    expect(group.machine.nextDeadlineMs()).toBe(10_000 + LEASE_MS);

    group.machine.expire({ index: 9, nowMs: 10_000 + LEASE_MS });
    expect(group.machine.nextDeadlineMs()).toBeUndefined();
  });

  it('can be given back; its ceiling stays', () => {
    const group = new Group();
    const grant = group.granted(lease());
    const giveBack = { kind: 'returnWorker', worker: grant.worker, incarnation: 'a' } as const;

    const returned = group.apply(giveBack);
    const twice = group.apply(giveBack);
    const next = group.granted(lease({ incarnation: 'b', takeOver: false }));

    expect(returned).toEqual({ kind: 'workerReturned' });
    expect(twice).toMatchObject({ reason: 'workerLost' });
    expect(next.firstMs).toBe(grant.ceilingMs + 1);
  });

  it('prefers a number that can start now over one whose ceiling is still to come', () => {
    const group = new Group();
    const early = group.granted(lease());
    group.apply({ kind: 'returnWorker', worker: early.worker, incarnation: 'a' });

    const other = group.granted(lease({ instanceId: 'id-service-2', incarnation: 'b' }));

    expect(other.worker).toBe(1);
  });

  it('survives ten thousand restarts without running out of numbers', () => {
    const group = new Group();

    for (let start = 0; start < 10_000; start += 1) {
      group.nowMs += 100;
      const wallMs = WALL_MS + group.nowMs;
      group.granted(lease({ incarnation: `start-${start}`, wallMs }));
    }

    expect(group.nowMs).toBe(1_000_000);
  });
});

describe('the ceiling', () => {
  /** Three replicas; the first one's clock is ahead by so much. */
  function threeReplicas(aheadMs: number): { group: Group; grants: WorkerGranted[] } {
    const group = new Group();
    const grants = [1, 2, 3].map((at) =>
      group.granted(lease({ instanceId: `id-service-${at}`, incarnation: `${at}` })),
    );
    group.nowMs += 1_000;
    for (const at of [2, 3]) {
      group.renew(grants[at - 1] as WorkerGranted, {
        instanceId: `id-service-${at}`,
        incarnation: `${at}`,
        wallMs: WALL_MS + 1_000,
      });
    }
    const first = { instanceId: 'id-service-1', incarnation: '1' };
    const wallMs = WALL_MS + 1_000 + aheadMs;
    grants.push(group.renew(grants[0] as WorkerGranted, { ...first, wallMs }) as WorkerGranted);
    return { group, grants };
  }

  it('rises with the clock', () => {
    const result = threeReplicas(0).grants[3];

    expect(result).toMatchObject({
      kind: 'workerGranted',
      ceilingMs: WALL_MS + 1_000 + RESERVE_MS,
    });
  });

  it('is refused when it is far ahead of what most replicas say the time is', () => {
    const result = threeReplicas(HOUR_MS).grants[3];

    expect(result).toEqual({
      kind: 'refused',
      reason: 'ceilingTooFarAhead',
      groupMs: WALL_MS + 1_000,
      limitMs: WALL_MS + 1_000 + CEILING_AHEAD_MAX_MS,
      epochMs: 0,
    });
  });

  it('is granted to most replicas when one clock is far behind', () => {
    const { group, grants } = threeReplicas(-HOUR_MS);

    const result = group.renew(grants[1] as WorkerGranted, {
      instanceId: 'id-service-2',
      incarnation: '2',
      wallMs: WALL_MS + 2_000,
    });

    expect(result).toMatchObject({ kind: 'workerGranted', ceilingMs: WALL_MS + 5_000 });
  });

  it('is granted exactly up to the limit', () => {
    const { group, grants } = threeReplicas(HOUR_MS);
    const limitMs = WALL_MS + 1_000 + CEILING_AHEAD_MAX_MS;
    const renew = (ceilingMs: number) =>
      group.renew(grants[0] as WorkerGranted, {
        instanceId: 'id-service-1',
        incarnation: '1',
        wallMs: WALL_MS,
        ceilingMs,
      });

    expect(renew(limitMs + 1)).toMatchObject({ reason: 'ceilingTooFarAhead' });
    expect(renew(limitMs)).toMatchObject({ kind: 'workerGranted', ceilingMs: limitMs });
  });

  it('is not lowered by a clock that steps back', () => {
    const { group, grants } = threeReplicas(0);

    const result = group.renew(grants[0] as WorkerGranted, {
      incarnation: '1',
      wallMs: WALL_MS - HOUR_MS,
    });

    expect(result).toMatchObject({ ceilingMs: WALL_MS + 1_000 + RESERVE_MS });
  });

  it('of a holder that is ahead already rises at the pace of the log clock, and no faster', () => {
    const group = new Group();
    const ahead = group.granted(lease({ wallMs: WALL_MS + HOUR_MS }));
    group.nowMs += 700;
    const renew = (ceilingMs: number) => group.renew(ahead, { wallMs: WALL_MS, ceilingMs });

    expect(renew(ahead.ceilingMs + 701)).toMatchObject({ limitMs: ahead.ceilingMs + 700 });
    expect(renew(ahead.ceilingMs + 700)).toMatchObject({ kind: 'workerGranted' });
    expect(renew(ahead.ceilingMs + 701)).toMatchObject({ reason: 'ceilingTooFarAhead' });
  });

  it('of a worker that is far ahead keeps others from it; they get another number', () => {
    const group = new Group();
    const ahead = group.granted(lease({ wallMs: WALL_MS + HOUR_MS }));

    const after = group.granted(lease({ incarnation: 'b', wallMs: WALL_MS }));

    expect(after.worker).not.toBe(ahead.worker);
    expect(after.ceilingMs).toBe(WALL_MS + RESERVE_MS);
  });

  it('must fit the 41 bits of the format', () => {
    const group = new Group();
    const lastMs = EPOCH_MS + 2 ** 41 - 1;
    const atTheEnd = lease({ wallMs: lastMs, ceilingMs: lastMs, reserveMs: 1 });

    expect(group.apply({ ...atTheEnd, ceilingMs: lastMs + 1 })).toMatchObject({
      reason: 'epochExhausted',
      limitMs: lastMs,
    });
    const grant = group.granted(atTheEnd);
    expect(group.renew(grant, { wallMs: lastMs })).toMatchObject({ reason: 'epochExhausted' });
  });

  it('starts at the epoch when the clock is before it', () => {
    const group = new Group();

    expect(group.granted(lease({ wallMs: 0 }))).toMatchObject({
      firstMs: EPOCH_MS,
      ceilingMs: EPOCH_MS + RESERVE_MS - 1,
    });
  });
});

describe('the epoch', () => {
  it('is the one of the first lease; a differing one is refused with both ends unchanged', () => {
    const group = new Group();
    group.granted(lease());
    const before = group.machine.snapshot();

    const other = group.apply(lease({ instanceId: 'id-service-2', epochMs: EPOCH_MS + 1 }));

    expect(other).toMatchObject({ kind: 'refused', reason: 'epochMismatch', epochMs: EPOCH_MS });
    expect(group.machine.epochMs).toBe(EPOCH_MS);
    expect(group.machine.snapshot()).toEqual(before);
  });
});

describe('a sequence', () => {
  const next = (name: string, count: number): IdCommand => ({ kind: 'nextSequence', name, count });

  it('starts at 1 and gives each call the next numbers', () => {
    const group = new Group();

    const results = [1, 5, 1_000_000].map((count) => group.apply(next('orders', count)));

    expect(results).toEqual(
      [
        [1n, 1n],
        [2n, 6n],
        [7n, 1_000_006n],
      ].map(([first, last]) => ({
        kind: 'sequenceTaken',
        first,
        last,
        nameHash: fingerprint('orders'),
      })),
    );
  });

  it('is counted by its name', () => {
    const group = new Group();
    group.apply(next('orders', 10));

    expect(group.apply(next('invoices', 1))).toMatchObject({ first: 1n, last: 1n });
  });

  it('is refused when there are too many; those that exist go on', () => {
    const group = new Group();
    for (const name of ['a', 'b', 'c']) group.apply(next(name, 1));

    expect(group.apply(next('d', 1))).toMatchObject({ reason: 'sequencesFull' });
    expect(group.apply(next('a', 1))).toMatchObject({ first: 2n });
  });

  it('ends at the largest 64-bit number instead of wrapping', () => {
    const group = new Group();
    group.apply(next('orders', 1));
    group.machine.restore(withLastNumber(group.machine.snapshot(), SEQUENCE_NUMBER_MAX - 2n));

    expect(group.apply(next('orders', 3))).toMatchObject({ reason: 'sequenceExhausted' });
    expect(group.apply(next('orders', 2))).toMatchObject({ last: SEQUENCE_NUMBER_MAX });
    expect(group.apply(next('orders', 1))).toMatchObject({ reason: 'sequenceExhausted' });
  });

  /** The last number of the last sequence is the last thing in a snapshot. */
  function withLastNumber(snapshot: Uint8Array, last: bigint): Uint8Array {
    const changed = Uint8Array.from(snapshot);
    new DataView(changed.buffer).setBigInt64(changed.length - 8, last, true);
    return changed;
  }
});

describe('a bad command', () => {
  const truncated = encodeCommand(lease()).subarray(0, -1);
  it.each<[string, Uint8Array | IdCommand]>([
    ['no bytes', new Uint8Array()],
    ['an older version', Uint8Array.of(0, 4, 1, 0)],
    ['an unknown kind', Uint8Array.of(1, 77)],
    ['too few bytes', truncated],
    ['too many bytes', Uint8Array.of(...encodeCommand(lease()), 0)],
    ['a text that is not UTF-8', Uint8Array.of(1, 4, 1, 0, 0xff, 1, 0, 0, 0)],
    ['no instance', lease({ instanceId: '' })],
    ['a lease of no length', lease({ leaseMs: 0 })],
    ['an endless lease', lease({ leaseMs: 600_001 })],
    ['a reserve of days', lease({ reserveMs: 86_400_000 })],
    ['a worker out of range', { kind: 'returnWorker', worker: 1024, incarnation: 'a' }],
    ['no numbers', { kind: 'nextSequence', name: 'a', count: 0 }],
    ['too many numbers', { kind: 'nextSequence', name: 'a', count: 1_000_001 }],
    ['a name without characters', { kind: 'nextSequence', name: '', count: 1 }],
    ['a name that is too long', { kind: 'nextSequence', name: 'a'.repeat(513), count: 1 }],
  ])('with %s is refused and changes nothing', (_what, command) => {
    const group = new Group();
    const before = group.machine.snapshot();

    expect(group.apply(command)).toMatchObject({ kind: 'refused', reason: 'badCommand' });
    expect(group.machine.snapshot()).toEqual(before);
  });

  it('that a newer version wrote stops the replica instead of letting it differ', () => {
    const group = new Group();

    expect(() => group.apply(Uint8Array.of(9, 4, 1, 0))).toThrow('newer');
  });
});

describe('a snapshot', () => {
  it('is of the state when its slices were asked for, whatever is applied between two of them', () => {
    const machine = new IdStateMachine();
    const next = (name: string): void => {
      const bytes = encodeCommand({ kind: 'nextSequence', name, count: 1 });
      machine.apply(bytes, { index: 1, nowMs: 0 });
    };
    for (let at = 0; at < 3000; at += 1) {
      next(`sequence number ${at}`);
    }
    const before = Buffer.from(machine.snapshot());

    const slices: Uint8Array[] = [];
    for (const slice of machine.snapshotSlices()) {
      slices.push(slice);
      next('sequence number 2999');
      next(`new ${slices.length}`);
    }

    expect(slices.length).toBeGreaterThan(2);
    expect(Buffer.concat(slices).equals(before)).toBe(true);
  });

  it('is refused when it is of another version, cut or too long, and the state stays', () => {
    const group = new Group();
    group.granted(lease());
    const snapshot = group.machine.snapshot();

    const bad = [
      Uint8Array.of(3, ...snapshot.slice(1)),
      snapshot.slice(0, -1),
      Uint8Array.of(...snapshot, 0),
      new Uint8Array(),
    ];

    for (const bytes of bad) expect(() => group.machine.restore(bytes)).toThrow();
    expect(group.machine.snapshot()).toEqual(snapshot);
  });

  it('survives results: each comes back from its bytes', () => {
    const { machine } = new Group();
    const results: IdResult[] = [
      { kind: 'workerGranted', worker: 1023, firstMs: 1, ceilingMs: 2 ** 42, groupMs: 0 },
      { kind: 'workerReturned' },
      { kind: 'sequenceTaken', first: 1n, last: SEQUENCE_NUMBER_MAX, nameHash: 0xffffffff },
      { kind: 'refused', reason: 'sequenceExhausted', limitMs: 1, groupMs: 2, epochMs: 3 },
    ];

    expect(results.map((result) => machine.decodeResult(machine.encodeResult(result)))).toEqual(
      results,
    );
    expect(() => machine.decodeResult(Uint8Array.of(1, 99))).toThrow();
  });
});

describe('coming back from a backup', () => {
  const DAY_MS = 86_400_000;
  const GAP = 1_000_000n;
  const next = (name: string, count: number): IdCommand => ({ kind: 'nextSequence', name, count });

  /** Restores a snapshot a day after it was taken, as a replica does that is started from a backup. */
  function comeBack(snapshot: Uint8Array): Group {
    const restored = new Group();
    restored.machine.restore(snapshot);
    const times = { takenAtMs: WALL_MS, restoredAtMs: WALL_MS + DAY_MS };
    const place = { index: 1, nowMs: restored.nowMs, indexGap: 1 };
    restored.machine.returnFromBackup({ ...place, ...times, sequenceGap: GAP });
    return restored;
  }

  it('starts every worker number above all that can have been granted since, known or not', () => {
    const group = new Group();
    group.granted(lease());
    const backup = group.machine.snapshot();
    group.nowMs += DAY_MS;
    const wallMs = WALL_MS + DAY_MS;
    const since = Array.from({ length: 5 }, (_, at) =>
      group.granted(lease({ instanceId: `i${at}`, incarnation: `i${at}`, wallMs })),
    );

    const restored = comeBack(backup);
    const laterMs = wallMs + CEILING_AHEAD_MAX_MS + 1;
    for (let at = 0; at < 5; at += 1) {
      const grant = restored.granted(
        lease({ instanceId: `j${at}`, incarnation: `j${at}`, wallMs: laterMs }),
      );
      const before = since.filter(({ worker }) => worker === grant.worker);
      for (const { ceilingMs } of before) expect(grant.firstMs).toBeGreaterThan(ceilingMs);
      expect(grant.firstMs).toBeGreaterThan(wallMs + CEILING_AHEAD_MAX_MS);
    }
  });

  it('gives nothing while the clocks are not past what may have been granted', () => {
    const group = new Group();
    group.granted(lease());

    const restored = comeBack(group.machine.snapshot());
    const early = restored.apply(lease({ wallMs: WALL_MS + DAY_MS }));
    const late = restored.apply(lease({ wallMs: WALL_MS + DAY_MS + RESERVE_MS }));

    expect(early).toMatchObject({ kind: 'refused', reason: 'ceilingTooFarAhead' });
    expect(late).toMatchObject({ kind: 'workerGranted' });
  });

  it('lets a worker that was ahead at the backup go on above where it may have come since', () => {
    const group = new Group();
    const ahead = group.granted(lease({ wallMs: WALL_MS + 2 * DAY_MS }));
    const backup = group.machine.snapshot();
    group.nowMs += LEASE_MS - 1;
    const ceilingMs = ahead.ceilingMs + LEASE_MS - 1;
    const raised = group.renew(ahead, { wallMs: WALL_MS, ceilingMs });
    expect(raised).toMatchObject({ kind: 'workerGranted' });

    const restored = comeBack(backup);
    const grant = restored.granted(lease({ incarnation: 'b', wallMs: WALL_MS + 4 * DAY_MS }));

    expect(grant.worker).toBe(ahead.worker);
    expect(grant.firstMs).toBeGreaterThan((raised as WorkerGranted).ceilingMs);
  });

  it('ends the leases: the number of a process of before is leased to the next at once', () => {
    const group = new Group();
    const grant = group.granted(lease());

    const restored = comeBack(group.machine.snapshot());

    expect(restored.renew(grant, {})).toMatchObject({ reason: 'workerLost' });
    expect(restored.machine.nextDeadlineMs()).toBeUndefined();
  });

  it('gives no number of a sequence twice, also of one that was begun after the backup', () => {
    const group = new Group();
    group.apply(next('a', 10));
    const backup = group.machine.snapshot();
    group.apply(next('a', 100));
    group.apply(next('b', 100));

    const restored = comeBack(backup);

    expect(restored.apply(next('a', 1))).toMatchObject({ first: 11n + GAP });
    expect(restored.apply(next('b', 1))).toMatchObject({ first: 1n + GAP });
  });

  it('keeps that in its snapshots, and does it again when it comes back again', () => {
    const group = new Group();
    group.granted(lease());
    const once = comeBack(group.machine.snapshot());
    const copy = new Group();
    copy.machine.restore(once.machine.snapshot());

    expect(copy.machine.snapshot()).toEqual(once.machine.snapshot());
    expect(copy.apply(next('new', 1))).toMatchObject({ first: 1n + GAP });
    const twice = comeBack(once.machine.snapshot());
    expect(twice.apply(next('new', 1))).toMatchObject({ first: 1n + 2n * GAP });
  });

  it('exhausts a sequence that the gap takes to the end of the numbers', () => {
    const group = new Group();
    group.apply(next('a', 1));
    group.machine.returnFromBackup({
      ...{ index: 1, nowMs: 0, indexGap: 1, takenAtMs: 0, restoredAtMs: 0 },
      sequenceGap: SEQUENCE_NUMBER_MAX,
    });

    expect(group.apply(next('a', 1))).toMatchObject({ reason: 'sequenceExhausted' });
  });
});
