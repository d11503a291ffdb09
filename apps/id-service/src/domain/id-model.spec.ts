import * as fc from 'fast-check';
import { encodeCommand } from './commands';
import { IdIssuer, type GrantCommand } from './id-issuer';
import { IdStateMachine } from './id-state-machine';
import type { IdResult, WorkerGranted } from './results';

/*
 * Processes come, go, lose messages, get answers late, restart under their old name while the old process lives on, and have clocks that
 * are wrong by up to an hour. Whatever happens: no id twice, ids of one process grow, no two leases of a worker share a millisecond, a
 * replica that was restored from a snapshot is byte for byte the one that was not.
 */

const EPOCH_MS = Date.UTC(2025, 0, 1);
const WALL_MS = EPOCH_MS + 100 * 86_400_000;
const HOUR_MS = 3_600_000;
const INSTANCES = 4;

type Step =
  | { readonly kind: 'restart'; readonly instance: number }
  | { readonly kind: 'send'; readonly process: number }
  | { readonly kind: 'commit'; readonly lost: boolean }
  | { readonly kind: 'take'; readonly process: number; readonly count: number }
  | { readonly kind: 'giveBack'; readonly process: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'step'; readonly instance: number; readonly ms: number }
  | { readonly kind: 'restore' };

const instance = fc.nat(INSTANCES - 1);
const process = fc.nat(15);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), instance }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('send' as const), process }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      lost: fc.integer({ min: 0, max: 5 }).map((value) => value === 0),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      process,
      count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(9_000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('giveBack' as const), process }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.constant(31_000)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      instance,
      ms: fc.integer({ min: -HOUR_MS, max: HOUR_MS }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
);

interface Lease {
  readonly process: number;
  readonly firstMs: number;
  /** The highest that the process was ever told. */
  ceilingMs: number;
}

class World {
  private replica = new IdStateMachine();
  private readonly witness = new IdStateMachine();
  private readonly processes: { issuer: IdIssuer; instance: number; last: bigint }[] = [];
  private readonly wire: { command: GrantCommand; process: number }[] = [];
  private readonly offsets = Array.from({ length: INSTANCES }, () => 0);
  private readonly issued = new Set<bigint>();
  private readonly leases = new Map<number, Lease[]>();
  private passedMs = 0;
  private index = 0;
  taken = 0;

  constructor() {
    for (let at = 0; at < INSTANCES; at += 1) this.restart(at);
  }

  run(step: Step): void {
    switch (step.kind) {
      case 'restart':
        return this.restart(step.instance);
      case 'send': {
        const at = step.process % this.processes.length;
        this.wire.push({ command: this.at(at).issuer.nextCommand(this.wallOf(at)), process: at });
        return;
      }
      case 'commit':
        return this.commit(step.lost);
      case 'take':
        return this.take(step.process % this.processes.length, step.count);
      case 'giveBack': {
        const command = this.at(step.process % this.processes.length).issuer.returnCommand();
        if (command !== undefined) this.apply(encodeCommand(command));
        return;
      }
      case 'pass':
        this.passedMs += step.ms;
        return;
      case 'step':
        this.offsets[step.instance] = step.ms;
        return;
      case 'restore': {
        const restored = new IdStateMachine();
        restored.restore(this.replica.snapshot());
        this.replica = restored;
        return;
      }
    }
  }

  check(): void {
    expect(this.replica.snapshot()).toEqual(this.witness.snapshot());
    for (const ranges of this.leases.values()) {
      for (let at = 1; at < ranges.length; at += 1) {
        expect(ranges[at]?.firstMs).toBeGreaterThan(ranges[at - 1]?.ceilingMs ?? Infinity);
      }
    }
  }

  private at(process: number): { issuer: IdIssuer; instance: number; last: bigint } {
    const found = this.processes[process];
    if (found === undefined) throw new Error(`no process ${process}`);
    return found;
  }

  private wallOf(process: number): number {
    return WALL_MS + this.passedMs + (this.offsets[this.at(process).instance] ?? 0);
  }

  /** A new process under an old name; the old one may go on: nobody has told it. */
  private restart(instance: number): void {
    const issuer = new IdIssuer({
      epochMs: EPOCH_MS,
      instanceId: `id-service-${instance}`,
      incarnation: `incarnation-${this.processes.length}`,
      reserveMs: 3_000,
      leaseMs: 30_000,
    });
    this.processes.push({ issuer, instance, last: -1n });
  }

  private commit(lost: boolean): void {
    const message = this.wire.shift();
    if (message === undefined) return;
    const { command, process } = message;
    const result = this.apply(encodeCommand(command));
    if (result.kind === 'workerGranted') this.note(process, command, result);
    // The keeper has one command under way at a time: an answer to an older one is never looked at.
    const isLatest = !this.wire.some((other) => other.process === process);
    if (!lost && isLatest) this.at(process).issuer.accept(command, result);
  }

  private note(process: number, command: GrantCommand, grant: WorkerGranted): void {
    const leases = this.leases.get(grant.worker) ?? [];
    this.leases.set(grant.worker, leases);
    if (command.kind === 'leaseWorker') {
      leases.push({ process, firstMs: grant.firstMs, ceilingMs: grant.ceilingMs });
      return;
    }
    const current = leases.at(-1);
    if (current?.process !== process) throw new Error(`${grant.worker} belongs to another process`);
    current.ceilingMs = Math.max(current.ceilingMs, grant.ceilingMs);
  }

  private take(process: number, count: number): void {
    const holder = this.at(process);
    const ids = holder.issuer.take(count, this.wallOf(process));
    for (const value of ids) {
      if (value <= holder.last) throw new Error(`${value} after ${holder.last}`);
      if (this.issued.has(value)) throw new Error(`${value} twice`);
      holder.last = value;
      this.issued.add(value);
    }
    this.taken += ids.length;
  }

  private apply(bytes: Uint8Array): IdResult {
    this.index += 1;
    const context = { index: this.index, nowMs: this.passedMs };
    this.witness.expire(context);
    this.witness.apply(bytes, context);
    this.replica.expire(context);
    return this.replica.apply(bytes, context);
  }
}

describe('worker leases under everything that can go wrong', () => {
  it('never yield an id twice, and restore byte for byte', () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (script) => {
        const world = new World();
        for (const one of script) world.run(one);
        world.check();
        taken += world.taken;
      }),
      { numRuns: 400 },
    );
    expect(taken).toBeGreaterThan(100_000);
  });
});
