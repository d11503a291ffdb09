import type { Operation } from './history';
import { checkRanges } from './ranges';
import type { SequenceInput, SequenceOutput } from './sequence-model';
import { checkUniqueIds, type IdBatch } from './unique';

describe('checkRanges', () => {
  type Call = Operation<SequenceInput, SequenceOutput>;
  const taken = (first: number, last: number, invokedAt: number, endedAt: number): Call => ({
    name: `call at ${invokedAt}`,
    key: 's',
    input: { count: last - first + 1 },
    invokedAt,
    response: { at: endedAt, output: { first, last } },
  });
  const lost = (count: number, invokedAt: number): Call => ({
    name: 'lost',
    key: 's',
    input: { count },
    invokedAt,
    response: undefined,
  });

  it('accepts disjoint ranges that grow with time, and gaps that lost calls explain', () => {
    expect(
      checkRanges([
        taken(1, 2, 0, 1),
        taken(5, 5, 2, 9),
        taken(3, 4, 2, 9),
        lost(3, 4),
        taken(9, 9, 20, 21),
      ]),
    ).toEqual([]);
  });

  it('finds a number that was given twice', () => {
    expect(checkRanges([taken(1, 3, 0, 9), taken(3, 4, 0, 9)]).join()).toContain(
      'was taken already',
    );
  });

  it('finds smaller numbers for a later call', () => {
    expect(checkRanges([taken(2, 2, 0, 1), taken(1, 1, 5, 6)]).join()).toContain('after call at 0');
  });

  it('finds a gap that is longer than the lost calls before it', () => {
    expect(checkRanges([lost(1, 0), taken(3, 3, 1, 2)]).join()).toContain('2 numbers below 3');
    expect(checkRanges([taken(2, 2, 1, 2), lost(1, 5)]).join()).toContain('1 numbers below 2');
  });

  it('finds an answer of another length', () => {
    const call = { ...taken(1, 3, 0, 1), input: { count: 2 } };

    expect(checkRanges([call]).join()).toContain('asked for 2 numbers');
  });
});

describe('checkUniqueIds', () => {
  const batch = (
    source: string,
    invokedAt: number,
    endedAt: number,
    ...ids: bigint[]
  ): IdBatch => ({
    name: `call at ${invokedAt}`,
    source,
    invokedAt,
    respondedAt: endedAt,
    ids,
  });

  it('accepts ids of several sources in any order, and concurrent calls of one', () => {
    expect(
      checkUniqueIds([
        batch('a', 0, 1, 10n, 11n),
        batch('b', 2, 3, 1n),
        batch('a', 4, 9, 14n),
        batch('a', 4, 9, 12n),
      ]),
    ).toEqual([]);
  });

  it('finds an id that was given twice, within a call or across sources', () => {
    expect(checkUniqueIds([batch('a', 0, 1, 7n), batch('b', 5, 6, 7n)]).join()).toContain(
      'id 7 was given to',
    );
    expect(checkUniqueIds([batch('a', 0, 1, 7n, 7n)])).not.toEqual([]);
  });

  it('finds ids that do not grow within a batch, or from one call of a source to the next', () => {
    expect(checkUniqueIds([batch('a', 0, 1, 8n, 7n)]).join()).toContain('7 after 8');
    expect(checkUniqueIds([batch('a', 0, 1, 8n), batch('a', 2, 3, 5n)]).join()).toContain(
      'after it had given 8',
    );
  });
});
