import fc from 'fast-check';
import { Bench, instanceOf } from '../testing/bench';
import { type Command, encodeCommand } from './commands';
import { type ConfigCondition, type ConfigOperation } from './config-commands';
import { type ConfigLimits } from './config-limits';
import { type ConfigEntry } from './config-state';
import { RegistryStateMachine } from './registry-state-machine';
import { decodeResult, encodeResult, type RegistryResult } from './results';

function transaction(
  operations: readonly ConfigOperation[],
  conditions: readonly ConfigCondition[] = [],
): Command {
  return { kind: 'configTransaction', conditions, operations, firstRevision: 1 };
}

function put(key: string, value: string): ConfigOperation {
  return { key, value };
}

function removal(key: string): ConfigOperation {
  return { key, value: undefined };
}

function benchWith(limits: Partial<ConfigLimits>): Bench {
  const bench = new Bench();
  bench.machine = new RegistryStateMachine(undefined, {
    configEntriesMax: 100,
    configBytesMax: 10_000,
    removalsMax: 100,
    ...limits,
  });
  return bench;
}

function textsOf(entries: readonly ConfigEntry[]): Record<string, string> {
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
}

const outcome = ({ kind, ...rest }: RegistryResult) => {
  const { revision } = rest as { revision?: number };
  return [kind, revision];
};

describe('a transaction', () => {
  it('sets and removes texts at one revision', () => {
    const bench = new Bench();

    const first = bench.run(transaction([put('a/1', 'x'), put('a/2', 'y')]));
    const second = bench.run(transaction([put('a/1', 'z'), removal('a/2'), put('b', '')]));

    expect([outcome(first), outcome(second)]).toEqual([
      ['configured', 2],
      ['configured', 3],
    ]);
    const { config } = bench.machine;
    expect(textsOf(config.below(''))).toEqual({ 'a/1': 'z', b: '' });
    expect(config.get('a/1')).toMatchObject({ createdRevision: 2, modifiedRevision: 3 });
    expect(textsOf(config.below('a/'))).toEqual({ 'a/1': 'z' });
  });

  it('changes nothing when a condition does not hold, and says which', () => {
    const bench = new Bench();
    bench.run(transaction([put('a', 'x')]));
    const holds: ConfigCondition = { kind: 'entry', key: 'a', revision: 2 };

    const refused = bench.run(
      transaction([put('a', 'y')], [holds, { kind: 'entry', key: 'b', revision: 2 }]),
    );
    const done = bench.run(
      transaction([put('a', 'y')], [holds, { kind: 'entry', key: 'b', revision: 0 }]),
    );
    const late = bench.run(transaction([put('a', 'z')], [holds]));

    expect(refused).toMatchObject({ kind: 'configRefused', condition: 1, revision: 2 });
    expect(outcome(done)).toEqual(['configured', 3]);
    expect(late).toMatchObject({ kind: 'configRefused', condition: 0 });
    expect(bench.machine.config.get('a')?.value).toBe('y');
  });

  it('may ask that nothing below a prefix was set or removed since a revision', () => {
    const bench = new Bench();
    bench.run(transaction([put('a/1', 'x'), put('b/1', 'x')]));
    const unchanged = (prefix: string, revision: number) =>
      bench.run(transaction([], [{ kind: 'prefix', prefix, revision }])).kind;

    bench.run(transaction([put('b/1', 'y')]));
    expect([unchanged('a/', 2), unchanged('b/', 2), unchanged('b/', 3)]).toEqual([
      'configured',
      'configRefused',
      'configured',
    ]);
    bench.run(transaction([removal('a/1')]));
    expect([unchanged('a/', 3), unchanged('a/', 4), unchanged('a/', 5)]).toEqual([
      'configRefused',
      'configured',
      'configRefused',
    ]);
  });

  it('that changes nothing has no revision of its own', () => {
    const bench = new Bench();
    bench.run(transaction([put('a', 'x')]));

    expect(outcome(bench.run(transaction([removal('b')])))).toEqual(['configured', 2]);
  });

  it.each([
    ['configEntriesMax', { configEntriesMax: 2 }, [put('b', ''), put('c', '')]],
    ['configBytesMax', { configBytesMax: 10 }, [put('b', 'ä'.repeat(5))]],
  ] as const)('is refused whole beyond %s', (limit, limits, operations) => {
    const bench = benchWith(limits);
    bench.run(transaction([put('a', '')]));

    expect(bench.run(transaction(operations))).toEqual({ kind: 'limitReached', limit });
    expect(textsOf(bench.machine.config.below(''))).toEqual({ a: '' });
    // What makes room counts.
    expect(bench.run(transaction([removal('a'), put('b', '')])).kind).toBe('configured');
  });

  it('begins revisions at the wall clock of the first one ever', () => {
    const bench = new Bench();
    const first = { ...transaction([put('a', 'x')]), firstRevision: 5000 } as Command;

    expect(outcome(bench.run(first))).toEqual(['configured', 5001]);
    expect(bench.machine.config.changesSince(1)).toBeUndefined();
    expect(outcome(bench.run({ ...first, firstRevision: 9000 } as Command))[1]).toBe(5002);
  });
});

describe('changes since a revision', () => {
  it('are not known beyond the removals that are kept', () => {
    const bench = benchWith({ removalsMax: 2 });
    bench.run(transaction(['a', 'b', 'c', 'd'].map((key) => put(key, 'x'))));
    for (const key of ['a', 'b', 'c']) bench.run(transaction([removal(key)]));

    const { config } = bench.machine;
    expect(config.changesSince(2)).toBeUndefined();
    expect(config.changesSince(3)).toEqual({ upserts: [], removedKeys: ['b', 'c'] });
    expect(config.changesSince(6)).toBeUndefined();
  });

  it('are not known from before a return from a backup', () => {
    const bench = new Bench();
    bench.run(transaction([put('a', 'x')]));

    const at = { nowMs: 0, takenAtMs: 0, restoredAtMs: 0, index: 1 };
    bench.machine.returnFromBackup({ ...at, indexGap: 10, sequenceGap: 0n });

    const { config } = bench.machine;
    expect([config.revision, config.changesSince(2), config.changesSince(21)]).toEqual([
      22,
      undefined,
      undefined,
    ]);
    expect(config.get('a')?.value).toBe('x');
  });
});

describe('what replicas that are not upgraded yet see', () => {
  it('a snapshot that they can read, as long as nothing was ever configured', () => {
    const bench = new Bench();
    bench.register(instanceOf('a', 'a1'));
    const before = bench.machine.snapshot()[0];
    bench.run(transaction([put('a', 'x')]));
    bench.run(transaction([removal('a')]));

    expect([before, bench.machine.snapshot()[0]]).toEqual([1, 2]);
  });

  it('commands about instances as they were, and a newer format for configuration', () => {
    expect(encodeCommand({ kind: 'renew', leaseIds: [] })[0]).toBe(1);
    expect(encodeCommand(transaction([]))[0]).toBe(2);
  });
});

it.each([
  { kind: 'configured', revision: 7, fingerprint: 9 },
  { kind: 'configRefused', revision: 7, condition: 3, fingerprint: 9 },
  { kind: 'limitReached', limit: 'configBytesMax' },
] as const)('keeps a result in snapshots: $kind', (result) => {
  expect(decodeResult(encodeResult(result))).toEqual(result);
});

const key = fc.constantFrom('a/1', 'a/2', 'b/1', 'b/2', 'c');
const operation = fc.oneof(
  fc.record({ key, value: fc.constantFrom('x', 'y', 'ü', '') }),
  fc.record({ key, value: fc.constant(undefined) }),
);
const step = fc.record({
  operations: fc.uniqueArray(operation, { selector: (one) => one.key, maxLength: 4 }),
  /** Of the entry at a place in the list of keys; false = of no condition. */
  expects: fc.option(fc.record({ key, isRight: fc.boolean() }), { nil: undefined }),
});

/** A store that a reader can check at a glance, and a watcher that applies what it missed. */
it('is what a plain map would be, also restored, and as a watcher has it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat({ max: 4 }), (steps, removalsMax) => {
      const bench = benchWith({ removalsMax });
      const model = new Map<string, { value: string; revision: number }>();
      let watched = new Map<string, string>();
      let cursor = bench.machine.config.revision;
      for (const { operations, expects } of steps) {
        const restored = new RegistryStateMachine(undefined, {
          configEntriesMax: 100,
          configBytesMax: 10_000,
          removalsMax,
        });
        restored.restore(bench.machine.snapshot());
        expect(Buffer.compare(restored.snapshot(), bench.machine.snapshot())).toBe(0);
        bench.machine = restored;

        const known = expects && (model.get(expects.key)?.revision ?? 0);
        const conditions: ConfigCondition[] =
          expects === undefined || known === undefined
            ? []
            : [{ kind: 'entry', key: expects.key, revision: expects.isRight ? known : known + 1 }];
        const result = bench.run(transaction(operations, conditions));
        const { config } = bench.machine;

        expect(result.kind).toBe(expects?.isRight === false ? 'configRefused' : 'configured');
        if (result.kind === 'configured')
          for (const one of operations) {
            if (one.value !== undefined)
              model.set(one.key, { value: one.value, revision: config.revision });
            else model.delete(one.key);
          }
        const expected = Object.fromEntries(
          [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { value }]) => [name, value]),
        );
        expect(textsOf(config.below(''))).toEqual(expected);

        const changes = config.changesSince(cursor);
        if (changes === undefined) watched = new Map(Object.entries(textsOf(config.below(''))));
        else {
          for (const gone of changes.removedKeys) watched.delete(gone);
          for (const entry of changes.upserts) watched.set(entry.key, entry.value);
        }
        cursor = config.revision;
        expect(Object.fromEntries([...watched].sort())).toEqual(expected);
      }
    }),
  );
});
