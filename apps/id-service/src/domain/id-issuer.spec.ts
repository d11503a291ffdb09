import { decodeSnowflake } from '@raftway/ids';
import { IdIssuer } from './id-issuer';
import { CEILING_AHEAD_MAX_MS } from './limits';
import { refused, type WorkerGranted } from './results';

const EPOCH_MS = Date.UTC(2025, 0, 1);
const WALL_MS = EPOCH_MS + 100 * 86_400_000;
const RESERVE_MS = 3_000;
const HOUR_MS = 3_600_000;

function newIssuer(): IdIssuer {
  return new IdIssuer({
    epochMs: EPOCH_MS,
    instanceId: 'id-service-1',
    incarnation: 'a',
    reserveMs: RESERVE_MS,
    leaseMs: 30_000,
  });
}

function grant(fields: Partial<WorkerGranted> = {}): WorkerGranted {
  return {
    kind: 'workerGranted',
    worker: 5,
    firstMs: WALL_MS,
    ceilingMs: WALL_MS + RESERVE_MS,
    groupMs: WALL_MS,
    ...fields,
  };
}

function leased(fields: Partial<WorkerGranted> = {}): IdIssuer {
  const issuer = newIssuer();
  issuer.accept(issuer.nextCommand(WALL_MS), grant(fields));
  return issuer;
}

const tooFarAhead = refused('ceilingTooFarAhead', {
  groupMs: WALL_MS,
  limitMs: WALL_MS + CEILING_AHEAD_MAX_MS,
});

describe('IdIssuer', () => {
  it('asks for a lease first, taking over from the process before it', () => {
    const issuer = newIssuer();

    expect(issuer.take(1, WALL_MS)).toEqual([]);
    expect(issuer.needsGrant(WALL_MS)).toBe(true);
    expect(issuer.nextCommand(WALL_MS)).toMatchObject({
      kind: 'leaseWorker',
      takeOver: true,
      wallMs: WALL_MS,
      ceilingMs: WALL_MS + RESERVE_MS,
    });
  });

  it('makes ids of the granted worker, above the granted start', () => {
    const issuer = leased({ firstMs: WALL_MS + 500 });

    const parts = issuer.take(2, WALL_MS).map(decodeSnowflake);

    expect(parts.map(({ worker, timestampMs }) => [worker, timestampMs + EPOCH_MS])).toEqual([
      [5, WALL_MS + 500],
      [5, WALL_MS + 500],
    ]);
  });

  it('asks for more before two thirds of the reserve are gone, and not before a third is', () => {
    const issuer = leased();

    expect(issuer.needsGrant(WALL_MS + 1_000)).toBe(false);
    expect(issuer.needsGrant(WALL_MS + 1_001)).toBe(true);
    expect(issuer.nextCommand(WALL_MS + 1_001)).toMatchObject({
      kind: 'renewWorker',
      worker: 5,
      ceilingMs: WALL_MS + 1_001 + RESERVE_MS,
    });
  });

  it('asks for more when a burst has used the reserve up, though the clock stands still', () => {
    const issuer = leased();

    const ids = issuer.take(1_001 * 4096, WALL_MS);

    expect(ids).toHaveLength(1_001 * 4096);
    expect(issuer.needsGrant(WALL_MS)).toBe(true);
  });

  it('stops at the ceiling when nothing more is granted', () => {
    const issuer = leased();

    expect(issuer.take(1, WALL_MS + RESERVE_MS)).toHaveLength(1);
    expect(issuer.take(1, WALL_MS + RESERVE_MS + 1)).toEqual([]);
  });

  it('uses up what is left of a lost worker, then goes on with another, above its own ids', () => {
    const issuer = leased();
    const before = issuer.take(1, WALL_MS + 100);
    issuer.accept(issuer.nextCommand(WALL_MS + 100), refused('workerLost'));
    const left = issuer.take(1, WALL_MS + 100);
    const command = issuer.nextCommand(WALL_MS + 100);
    issuer.accept(command, grant({ worker: 2 }));
    const after = issuer.take(1, WALL_MS - HOUR_MS);

    expect(command).toMatchObject({ kind: 'leaseWorker', takeOver: false });
    const all = [...before, ...left, ...after];
    expect(all).toEqual([...all].sort((left, right) => (left < right ? -1 : 1)));
    expect(new Set(all).size).toBe(3);
  });

  it('goes on through a step back of the clock', () => {
    const issuer = leased();
    issuer.take(1, WALL_MS + 900);

    expect(issuer.take(10, WALL_MS - HOUR_MS)).toHaveLength(10);
    expect(issuer.nextCommand(WALL_MS - HOUR_MS)).toMatchObject({
      wallMs: WALL_MS - HOUR_MS,
      ceilingMs: WALL_MS + 900 + RESERVE_MS,
    });
  });

  it("works with the group's clock after its own was refused three times", () => {
    const issuer = leased();
    const wallMs = WALL_MS + HOUR_MS;
    const ask = () => issuer.accept(issuer.nextCommand(wallMs), tooFarAhead);

    ask();
    ask();
    expect(issuer.clockCorrectionMs).toBe(0);
    ask();

    expect(issuer.clockCorrectionMs).toBe(HOUR_MS);
    expect(issuer.take(1, wallMs)).toHaveLength(1);
    expect(issuer.nextCommand(wallMs)).toMatchObject({
      wallMs,
      ceilingMs: WALL_MS + RESERVE_MS,
    });
  });

  it('trusts its clock again when it agrees with the group', () => {
    const issuer = leased();
    const wallMs = WALL_MS + HOUR_MS;
    for (let at = 0; at < 3; at += 1) issuer.accept(issuer.nextCommand(wallMs), tooFarAhead);

    issuer.accept(issuer.nextCommand(WALL_MS + 1), grant());

    expect(issuer.clockCorrectionMs).toBe(0);
  });

  it('asks for what it may have when its position, not its clock, is far ahead', () => {
    const issuer = leased({ firstMs: WALL_MS + HOUR_MS, ceilingMs: WALL_MS + HOUR_MS + 100 });
    const limitMs = WALL_MS + HOUR_MS + 300;

    issuer.accept(
      issuer.nextCommand(WALL_MS),
      refused('ceilingTooFarAhead', { groupMs: WALL_MS, limitMs }),
    );

    expect(issuer.nextCommand(WALL_MS)).toMatchObject({ ceilingMs: limitMs });
  });

  it('makes no ids after it has given its worker back', () => {
    const issuer = leased();

    expect(issuer.returnCommand()).toEqual({ kind: 'returnWorker', worker: 5, incarnation: 'a' });
    expect(issuer.take(1, WALL_MS)).toEqual([]);
    expect(issuer.returnCommand()).toBeUndefined();
  });

  it.each([-1, Number.NaN, Infinity, -Infinity, 1.5])('takes a clock of %d', (wallMs) => {
    const issuer = leased();

    expect(Number.isSafeInteger(issuer.nextCommand(wallMs).wallMs)).toBe(true);
    expect(Number.isSafeInteger(issuer.nextCommand(wallMs).ceilingMs)).toBe(true);
    expect(() => issuer.take(1, wallMs)).not.toThrow();
  });
});
