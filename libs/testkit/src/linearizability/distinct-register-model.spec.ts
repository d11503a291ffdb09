import fc from 'fast-check';
import { checkLinearizability } from './check';
import { distinctRegisterModel } from './distinct-register-model';
import type { Operation } from './history';
import { type RegisterInput, registerModel, type RegisterOutput } from './register-model';

type Call = Operation<RegisterInput, RegisterOutput>;

function write(value: string, invokedAt: number, endedAt: number | undefined): Call {
  const response = endedAt === undefined ? undefined : { at: endedAt, output: '' };
  return { name: `write ${value}`, key: 'a', input: { kind: 'write', value }, invokedAt, response };
}

function read(value: string, invokedAt: number, endedAt: number): Call {
  const response = { at: endedAt, output: value };
  return { name: 'read', key: 'a', input: { kind: 'read' }, invokedAt, response };
}

const verdictOf = (calls: readonly Call[]) =>
  checkLinearizability(calls, distinctRegisterModel(calls)).verdict;

describe('the model of a register in which no value is written twice', () => {
  it('says the same as the model of any register, on small histories of every shape', () => {
    const call = fc.record({
      read: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
      from: fc.integer({ min: 0, max: 14 }),
      length: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
    });
    const verdicts = { linearizable: 0, violated: 0, unknown: 0 };
    fc.assert(
      fc.property(fc.array(call, { maxLength: 8 }), (shapes) => {
        const calls = shapes.map(({ read: seen, from, length }, index) => {
          if (seen === undefined) return write(String(index), from, length && from + length);
          return read(seen === 6 ? '' : String(seen), from, from + (length ?? 1));
        });
        const verdict = verdictOf(calls);
        verdicts[verdict] += 1;
        expect(verdict).toBe(checkLinearizability(calls, registerModel).verdict);
      }),
      { numRuns: 3_000 },
    );
    expect(verdicts.linearizable).toBeGreaterThan(300);
    expect(verdicts.violated).toBeGreaterThan(300);
  });

  it('decides a history with many writes at a time in few steps', () => {
    const calls: Call[] = [];
    for (let turn = 0; turn < 40; turn += 1) {
      const at = turn * 100;
      for (let one = 0; one < 30; one += 1) {
        calls.push(write(`${turn}.${one}`, at + one, one % 3 === 0 ? undefined : at + 95));
      }
      calls.push(read(`${turn}.7`, at + 40, at + 90), read(`${turn}.9`, at + 60, at + 99));
    }

    const good = checkLinearizability(calls, distinctRegisterModel(calls));
    const stale = [...calls, read('20.7', 3_900, 3_999)];
    const bad = checkLinearizability(stale, distinctRegisterModel(stale));

    expect([good.verdict, bad.verdict]).toEqual(['linearizable', 'violated']);
    expect(good.steps + bad.steps).toBeLessThan(50_000);
  });

  it('refuses a history in which a value is written twice', () => {
    expect(() => distinctRegisterModel([write('1', 0, 1), write('1', 2, 3)])).toThrow(RangeError);
  });
});
