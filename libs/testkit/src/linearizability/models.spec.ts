import { checkLinearizability } from './check';
import type { Operation } from './history';
import { type LockInput, lockModel, type LockOutput } from './lock-model';
import { sequenceModel, type SequenceInput, type SequenceOutput } from './sequence-model';

function operation<Input, Output>(
  input: Input,
  output: Output | undefined,
  invokedAt: number,
  endedAt = invokedAt + 1,
): Operation<Input, Output> {
  const response = output === undefined ? undefined : { at: endedAt, output };
  return { name: 'call', key: 'k', input, invokedAt, response };
}

describe('the lock model', () => {
  type Call = Operation<LockInput, LockOutput>;
  const acquire = (owner: string, token: number, at: number, until?: number): Call =>
    operation({ kind: 'acquire', owner }, { kind: 'granted', token }, at, until);
  const lostAcquire = (owner: string, at: number): Call =>
    operation<LockInput, LockOutput>({ kind: 'acquire', owner }, undefined, at);
  const refused = (owner: string, at: number): Call =>
    operation({ kind: 'acquire', owner }, { kind: 'refused' }, at);
  const release = (owner: string, at: number): Call =>
    operation({ kind: 'release', owner }, { kind: 'released' }, at);
  const lostRelease = (owner: string, at: number): Call =>
    operation<LockInput, LockOutput>({ kind: 'release', owner }, undefined, at);
  const vainRelease = (owner: string, at: number): Call =>
    operation({ kind: 'release', owner }, { kind: 'notHolder' }, at);
  const expire = (owner: string, at: number): Call =>
    operation<LockInput, LockOutput>({ kind: 'expire', owner }, undefined, at);
  const seen = (owner: string, token: number, at: number): Call =>
    operation({ kind: 'read' }, { kind: 'seen', owner, token }, at);
  const checked = (asked: number, valid: boolean, token: number, at: number): Call =>
    operation({ kind: 'check', token: asked }, { kind: 'checked', valid, token }, at);
  const verdict = (...calls: Call[]) => checkLinearizability(calls, lockModel).verdict;

  it('accepts grants one after the other, with what readers see between them', () => {
    expect(
      verdict(
        seen('', 0, 0),
        acquire('a', 5, 10),
        seen('a', 5, 20),
        checked(5, true, 5, 30),
        refused('b', 40),
        release('a', 50),
        checked(5, false, 5, 60),
        acquire('b', 9, 70),
      ),
    ).toBe('linearizable');
  });

  it('accepts a waiting call that is granted when the holder releases', () => {
    expect(verdict(acquire('a', 1, 0), acquire('b', 2, 5, 30), release('a', 20))).toBe(
      'linearizable',
    );
  });

  it('refuses two holders at a time', () => {
    expect(verdict(acquire('a', 1, 0), acquire('b', 2, 10))).toBe('violated');
  });

  it('lets a lease end when its time is over, and not before', () => {
    expect(verdict(acquire('a', 1, 0), expire('a', 50), acquire('b', 2, 60))).toBe('linearizable');
    expect(verdict(acquire('a', 1, 0), expire('a', 50), acquire('b', 2, 40))).toBe('violated');
  });

  it('lets a lease that is over last for longer', () => {
    expect(verdict(acquire('a', 1, 0), expire('a', 50), seen('a', 1, 80), release('a', 90))).toBe(
      'linearizable',
    );
  });

  it('refuses a token that does not grow', () => {
    expect(verdict(acquire('a', 5, 0), release('a', 10), acquire('b', 5, 20))).toBe('violated');
    expect(verdict(acquire('a', 5, 0), release('a', 10), acquire('b', 1, 20))).toBe('violated');
  });

  it('refuses a stale reader', () => {
    expect(verdict(acquire('a', 5, 0), seen('', 0, 10))).toBe('violated');
    expect(verdict(acquire('a', 5, 0), release('a', 10), checked(5, true, 5, 20))).toBe('violated');
    expect(verdict(acquire('a', 5, 0), checked(5, false, 5, 20))).toBe('violated');
  });

  it('refuses a refusal of a lock that nobody can have held, and a release in vain by the holder', () => {
    expect(verdict(refused('b', 10))).toBe('violated');
    expect(verdict(acquire('a', 1, 0), vainRelease('a', 10))).toBe('violated');
    expect(verdict(acquire('a', 1, 0), expire('a', 5), vainRelease('a', 10))).toBe('linearizable');
  });

  it('learns the token of a grant of unknown outcome from who sees it, and it must still grow', () => {
    expect(verdict(lostAcquire('a', 0), seen('a', 7, 10), seen('a', 7, 20))).toBe('linearizable');
    expect(verdict(lostAcquire('a', 0), seen('a', 7, 10), seen('a', 8, 20))).toBe('violated');
    expect(
      verdict(acquire('z', 9, 0), release('z', 2), lostAcquire('a', 4), seen('a', 9, 10)),
    ).toBe('violated');
  });

  it('decides a long history with many acquisitions of unknown outcome', () => {
    const calls: Call[] = [];
    for (let turn = 1; turn <= 1_000; turn += 1) {
      const at = turn * 100;
      if (turn % 20 === 0) calls.push(lostAcquire(`lost-${turn}`, at), expire(`lost-${turn}`, at));
      calls.push(acquire(`a-${turn}`, turn, at + 10), refused('b', at + 20));
      calls.push(seen(`a-${turn}`, turn, at + 30), release(`a-${turn}`, at + 40));
    }

    const good = checkLinearizability(calls, lockModel);
    const bad = checkLinearizability([...calls, seen('', 500, 200_000)], lockModel);

    expect([good.verdict, bad.verdict]).toEqual(['linearizable', 'violated']);
    expect(good.steps + bad.steps).toBeLessThan(3_000_000);
  });

  it('lets a release of unknown outcome free the lock late', () => {
    expect(
      verdict(acquire('a', 1, 0), lostRelease('a', 5), seen('a', 1, 10), acquire('b', 2, 20)),
    ).toBe('linearizable');
    expect(verdict(acquire('a', 1, 0), lostRelease('a', 30), acquire('b', 2, 20))).toBe('violated');
  });
});

describe('the sequence model', () => {
  type Call = Operation<SequenceInput, SequenceOutput>;
  const next = (first: number, last: number, at: number, until?: number): Call =>
    operation({ count: last - first + 1 }, { first, last }, at, until);
  const lost = (count: number, at: number): Call =>
    operation<SequenceInput, SequenceOutput>({ count }, undefined, at);
  const verdict = (...calls: Call[]) => checkLinearizability(calls, sequenceModel()).verdict;

  it('accepts ranges that follow each other, concurrent ones in any order', () => {
    expect(verdict(next(1, 3, 0), next(5, 5, 10, 20), next(4, 4, 10, 20))).toBe('linearizable');
  });

  it('refuses a number twice, an order against time, and a gap', () => {
    expect(verdict(next(1, 3, 0), next(3, 4, 10))).toBe('violated');
    expect(verdict(next(2, 2, 0), next(1, 1, 10))).toBe('violated');
    expect(verdict(next(1, 3, 0), next(5, 6, 10))).toBe('violated');
  });

  it('lets a call of unknown outcome explain a gap of its size that lies after its invocation', () => {
    expect(verdict(next(1, 3, 0), lost(2, 5), next(6, 6, 10))).toBe('linearizable');
    expect(verdict(next(1, 3, 0), lost(2, 5), next(4, 4, 10), next(7, 7, 20))).toBe('linearizable');
    expect(verdict(next(1, 3, 0), lost(1, 5), next(6, 6, 10))).toBe('violated');
    expect(verdict(next(1, 3, 0), next(6, 6, 10), lost(2, 15))).toBe('violated');
  });
});
