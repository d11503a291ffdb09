import { checkLinearizability } from './check';
import type { Operation } from './history';
import {
  distinctIdsModel,
  growingIdsModel,
  type IdAllocatorInput,
  type IdAllocatorOutput,
  keyedByOverlap,
} from './id-allocator-model';
import { type QueueInput, queueModel, type QueueOutput } from './queue-model';

describe('the queue model', () => {
  type Call = Operation<QueueInput, QueueOutput>;
  const call = (
    input: QueueInput,
    output: QueueOutput | undefined,
    at: number,
    until = at + 1,
    key = 'q',
  ): Call => {
    const response = output === undefined ? undefined : { at: until, output };
    return { name: 'call', key, input, invokedAt: at, response };
  };
  const put = (value: string, at: number, until?: number, key?: string): Call =>
    call({ kind: 'enqueue', value }, { kind: 'enqueued' }, at, until, key);
  const lostPut = (value: string, at: number): Call =>
    call({ kind: 'enqueue', value }, undefined, at);
  const take = (value: string, at: number, until?: number, key?: string): Call =>
    call({ kind: 'dequeue' }, { kind: 'dequeued', value }, at, until, key);
  const lostTake = (at: number): Call => call({ kind: 'dequeue' }, undefined, at);
  const empty = (at: number, until?: number): Call =>
    call({ kind: 'dequeue' }, { kind: 'empty' }, at, until);
  const verdict = (...calls: Call[]) => checkLinearizability(calls, queueModel).verdict;

  it('accepts what comes out as it went in, and then nothing', () => {
    expect(
      verdict(empty(0), put('a', 10), put('b', 20), take('a', 30), take('b', 40), empty(50)),
    ).toBe('linearizable');
  });

  it('accepts either order of elements that were put in at the same time', () => {
    expect(verdict(put('a', 0, 9), put('b', 0, 9), take('b', 10), take('a', 20))).toBe(
      'linearizable',
    );
  });

  it('accepts an empty queue while an element is on its way in', () => {
    expect(verdict(put('a', 0, 9), empty(1, 2), take('a', 10))).toBe('linearizable');
  });

  it('refuses a lost element', () => {
    expect(verdict(put('a', 0), empty(10))).toBe('violated');
    expect(verdict(put('a', 0), put('b', 10), take('b', 20))).toBe('violated');
  });

  it('refuses an element that is taken twice, or was never put in', () => {
    expect(verdict(put('a', 0), take('a', 10), take('a', 20))).toBe('violated');
    expect(verdict(put('a', 0), take('a', 10, 19), take('a', 10, 19))).toBe('violated');
    expect(verdict(take('a', 10), put('a', 20))).toBe('violated');
  });

  it('refuses another order than that in which elements were put in', () => {
    expect(verdict(put('a', 0), put('b', 10), take('b', 20), take('a', 30))).toBe('violated');
  });

  it('lets an enqueue of unknown outcome happen late, or never, and not before it was asked for', () => {
    expect(verdict(lostPut('a', 0), empty(10), take('a', 20))).toBe('linearizable');
    expect(verdict(lostPut('a', 0), put('b', 10), take('b', 20), empty(30))).toBe('linearizable');
    expect(verdict(lostPut('a', 0), take('a', 10), take('a', 20))).toBe('violated');
    expect(verdict(take('a', 0), lostPut('a', 10))).toBe('violated');
  });

  it('lets a dequeue of unknown outcome explain one element that is missing', () => {
    expect(verdict(put('a', 0), lostTake(10), empty(20))).toBe('linearizable');
    expect(verdict(put('a', 0), lostTake(10), take('a', 20))).toBe('linearizable');
    expect(verdict(put('a', 0), put('b', 1), lostTake(10), take('b', 20))).toBe('linearizable');
    expect(verdict(put('a', 0), put('b', 2), lostTake(10), empty(20))).toBe('violated');
  });

  it('checks each queue by itself', () => {
    const other = [put('b', 0, 1, 'r'), put('a', 10, 11, 'r'), take('b', 20, 21, 'r')];

    expect(verdict(put('a', 0), ...other, take('a', 30))).toBe('linearizable');
    expect(verdict(put('a', 0), take('a', 30, 31, 'r'))).toBe('violated');
  });

  it('decides a history with calls of unknown outcome', () => {
    const history = (turns: number): Call[] =>
      Array.from({ length: turns }, (_, turn) => {
        const at = turn * 100;
        const known = [
          put(`x-${turn}`, at + 10, at + 30),
          put(`y-${turn}`, at + 10, at + 30),
          take(`y-${turn}`, at + 40, at + 60),
          take(`x-${turn}`, at + 40, at + 60),
        ];
        return turn % 25 === 0 ? [lostPut(`lost-${turn}`, at), lostTake(at), ...known] : known;
      }).flat();

    const good = checkLinearizability(history(500), queueModel);
    const bad = checkLinearizability([...history(100), take('x-1', 90_000)], queueModel);

    expect([good.verdict, bad.verdict]).toEqual(['linearizable', 'violated']);
    expect(good.steps + bad.steps).toBeLessThan(1_000_000);
  });
});

describe('the models of id allocators', () => {
  type Call = Operation<IdAllocatorInput, IdAllocatorOutput>;
  const given = (first: number, last: number, at: number, until = at + 1): Call => ({
    name: 'call',
    key: 'ids',
    input: { count: last - first + 1 },
    invokedAt: at,
    response: { at: until, output: { first: BigInt(first), last: BigInt(last) } },
  });
  const lost = (count: number, at: number): Call => {
    return { name: 'lost', key: 'ids', input: { count }, invokedAt: at, response: undefined };
  };
  const growing = (...calls: Call[]) => checkLinearizability(calls, growingIdsModel).verdict;
  const distinct = (...calls: Call[]) =>
    checkLinearizability(keyedByOverlap(calls), distinctIdsModel).verdict;

  it('accept ids that grow with time, with gaps, and concurrent ones in any order', () => {
    const calls = [given(1, 3, 0), given(20, 20, 10, 19), given(7, 9, 10, 19), given(50, 60, 30)];

    expect(growing(...calls)).toBe('linearizable');
    expect(distinct(...calls)).toBe('linearizable');
  });

  it('refuse an id that was given twice, also to concurrent calls', () => {
    for (const check of [growing, distinct]) {
      expect(check(given(5, 5, 0), given(5, 5, 10))).toBe('violated');
      expect(check(given(5, 5, 0, 9), given(5, 5, 0, 9))).toBe('violated');
    }
  });

  it('refuse ranges that overlap, one inside another too', () => {
    for (const check of [growing, distinct]) {
      expect(check(given(1, 5, 0, 9), given(4, 8, 0, 9))).toBe('violated');
      expect(check(given(1, 9, 0, 9), given(4, 5, 0, 9))).toBe('violated');
      expect(check(given(1, 9, 0, 9), given(2, 3, 0, 9), given(9, 12, 0, 9))).toBe('violated');
    }
  });

  it('refuse fewer ids than asked for', () => {
    const short = { ...given(1, 3, 0), input: { count: 4 } };

    expect(growing(short)).toBe('violated');
    expect(distinct(short)).toBe('violated');
  });

  it('refuse an id that goes back only where an order is promised', () => {
    expect(growing(given(10, 12, 0), given(1, 3, 10))).toBe('violated');
    expect(distinct(given(10, 12, 0), given(1, 3, 10))).toBe('linearizable');
  });

  it('let calls of unknown outcome happen or not', () => {
    for (const check of [growing, distinct]) {
      expect(check(given(1, 3, 0), lost(2, 5), given(4, 4, 10))).toBe('linearizable');
      expect(check(given(1, 3, 0), lost(2, 5), given(6, 6, 10))).toBe('linearizable');
      expect(check(given(1, 3, 0), lost(2, 5), given(3, 3, 10))).toBe('violated');
    }
  });

  it('decide a long history in as many steps as it has calls', () => {
    const calls = Array.from({ length: 5_000 }, (_, turn) =>
      given(turn * 10, turn * 10 + 4, turn * 5, turn * 5 + 12),
    );
    const twice = given(40_002, 40_002, 90_000);

    const good = checkLinearizability(keyedByOverlap(calls), distinctIdsModel);
    const bad = checkLinearizability(keyedByOverlap([...calls, twice]), distinctIdsModel);

    expect([good.verdict, bad.verdict]).toEqual(['linearizable', 'violated']);
    expect(good.steps).toBe(5_000);
  });
});
