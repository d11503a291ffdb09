import fc from 'fast-check';
import { checkLinearizability } from './check';
import type { Operation } from './history';
import { type RegisterInput, type RegisterOutput, registerModel } from './register-model';

type Call = Operation<RegisterInput, RegisterOutput>;

function write(value: string, invokedAt: number, endedAt: number | 'unknown', key = 'a'): Call {
  const response = endedAt === 'unknown' ? undefined : { at: endedAt, output: '' };
  return { name: `write ${value}`, key, input: { kind: 'write', value }, invokedAt, response };
}

function read(value: string, invokedAt: number, endedAt: number, key = 'a'): Call {
  const response = { at: endedAt, output: value };
  return { name: `read ${value}`, key, input: { kind: 'read' }, invokedAt, response };
}

const verdictOf = (calls: readonly Call[]) => checkLinearizability(calls, registerModel).verdict;

describe('checkLinearizability', () => {
  it('accepts the empty history', () => {
    expect(verdictOf([])).toBe('linearizable');
  });

  it('accepts a read that overlaps a write and sees either value', () => {
    const writes = [write('1', 0, 1), write('2', 2, 6)];

    expect(verdictOf([...writes, read('1', 3, 4)])).toBe('linearizable');
    expect(verdictOf([...writes, read('2', 3, 4)])).toBe('linearizable');
  });

  it('refuses a read that does not see a write that had ended before it began', () => {
    const result = checkLinearizability([write('1', 0, 1), read('', 2, 3)], registerModel);

    expect(result.verdict).toBe('violated');
    expect(result.findings.join()).toContain('"a" is not linearizable');
    expect(result.findings.join()).toContain('read');
  });

  it('refuses reads that see a value come and go: new, then old', () => {
    const calls = [write('1', 0, 1), write('2', 2, 20), read('2', 3, 4), read('1', 5, 6)];

    expect(verdictOf(calls)).toBe('violated');
  });

  it('counts calls that touch as concurrent', () => {
    expect(verdictOf([write('1', 0, 5), read('', 5, 6)])).toBe('linearizable');
    expect(verdictOf([write('1', 0, 5), read('', 5.1, 6)])).toBe('violated');
  });

  it('lets a write of unknown outcome take effect at once, much later or never, but not before it began and not twice', () => {
    const lost = write('x', 10, 'unknown');

    expect(verdictOf([lost, read('x', 11, 12)])).toBe('linearizable');
    expect(verdictOf([lost, read('', 11, 12), read('x', 90, 91)])).toBe('linearizable');
    expect(verdictOf([lost, read('', 11, 12), read('', 90, 91)])).toBe('linearizable');
    expect(verdictOf([read('x', 8, 9), lost])).toBe('violated');
    expect(verdictOf([lost, read('x', 11, 12), write('y', 13, 14), read('x', 15, 16)])).toBe(
      'violated',
    );
  });

  it('checks every key by itself and names the one that is violated', () => {
    const calls = [write('1', 0, 1, 'good'), write('1', 0, 1, 'bad'), read('2', 2, 3, 'bad')];

    const result = checkLinearizability(calls, registerModel);

    expect(result).toMatchObject({ verdict: 'violated', keys: 2, operations: 3 });
    expect(result.findings).toHaveLength(1);
    expect(result.findings[0]).toContain('"bad"');
  });

  it('says that it does not know when its budget is spent, instead of searching for ever', () => {
    // Forty concurrent writes and a read that none of them explains: 2^40 sets of ordered operations.
    const writes = Array.from({ length: 40 }, (_, index) => write(`${index}`, index, 1_000));
    const calls = [...writes, read('nobody wrote this', 1_001, 1_002)];

    const result = checkLinearizability(calls, registerModel, { stepsMax: 5_000 });

    expect(result).toMatchObject({ verdict: 'unknown', steps: 5_000 });
  });

  it('searches a long history with few concurrent calls in a number of steps that grows with its length', () => {
    const calls: Call[] = [];
    for (let turn = 0; turn < 3_000; turn += 1) {
      calls.push(
        write(`${turn}`, turn * 10, turn * 10 + 8),
        read(`${turn}`, turn * 10 + 2, turn * 10 + 9),
      );
    }

    const result = checkLinearizability(calls, registerModel);

    expect(result.verdict).toBe('linearizable');
    expect(result.steps).toBeLessThan(60_000);
  });

  it('is not slowed down by many calls of unknown outcome', () => {
    const lost = Array.from({ length: 60 }, (_, index) => write(`lost ${index}`, index, 'unknown'));
    const calls = [...lost, write('1', 100, 101), read('lost 7', 102, 103), read('1', 104, 105)];

    const result = checkLinearizability(calls, registerModel);

    expect(result.verdict).toBe('violated');
    expect(result.steps).toBeLessThan(50_000);
  });

  it('agrees with trying all orders, on small histories of every shape', () => {
    const call = fc.record({
      isRead: fc.boolean(),
      value: fc.constantFrom('', '1', '2'),
      from: fc.integer({ min: 0, max: 12 }),
      length: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 6 }), (shapes) => {
        const calls = shapes.map(({ isRead, value, from, length }) => {
          if (isRead) return read(value, from, from + (length ?? 1));
          return write(value, from, length === undefined ? 'unknown' : from + length);
        });
        expect(verdictOf(calls)).toBe(hasOrder(calls) ? 'linearizable' : 'violated');
      }),
      { numRuns: 1_500 },
    );
  });
});

/** The definition, word for word: some order of the operations, with or without those of unknown outcome. */
function hasOrder(calls: readonly Call[], state = ''): boolean {
  if (calls.every(({ response }) => response === undefined)) return true;
  return calls.some((call) => {
    const others = calls.filter((other) => other !== call);
    const isMinimal = others.every(({ response }) => !(response && response.at < call.invokedAt));
    const next = registerModel.step(state, call.input, call.response?.output);
    return isMinimal && next !== undefined && hasOrder(others, next);
  });
}
