import { entry } from '../../test/core-harness';
import { InvariantError } from './invariants';
import { RaftLog } from './log';

const hardState = { currentTerm: 1, votedFor: 0, commitIndex: 0 };

function logOf(...terms: number[]): RaftLog {
  const entries = terms.map((term, offset) => entry(offset + 1, term));
  return new RaftLog({ index: 0, term: 0, stampMs: 0 }, entries, hardState, 0, 0, entries.length);
}

describe('RaftLog', () => {
  it('gives at least one entry, however small the limit', () => {
    const { entries } = logOf(1, 1, 1).slice(1, 1);

    expect(entries.map(({ index }) => index)).toEqual([1]);
  });

  it('finds the last place where a log of an older term may agree', () => {
    const log = logOf(1, 1, 4, 4, 5);

    expect(log.lastIndexWithTermAtMost(5, 3)).toEqual({ index: 2, term: 1 });
    expect(log.lastIndexWithTermAtMost(99, 9)).toEqual({ index: 5, term: 5 });
    expect(log.lastIndexWithTermAtMost(5, 0)).toEqual({ index: 0, term: 0 });
  });

  it('knows the term of the entry before the first that it kept', () => {
    const log = logOf(1, 2, 2);
    log.commitTo(3);
    log.takeUnapplied();
    log.appliedTo(3);

    log.compactTo(2);

    expect(log.firstIndex).toBe(3);
    expect(log.termAt(2)).toBe(2);
    expect(log.termAt(1)).toBeUndefined();
  });

  it.each<[string, (log: RaftLog) => void]>([
    ['a gap', (log) => log.append(entry(9, 3))],
    ['a term that goes back', (log) => log.append(entry(4, 1))],
    ['an index beyond 2^53', (log) => log.append(entry(2 ** 53, 3))],
    ['cutting what is committed', (log) => log.truncateFrom(1)],
    ['committing what is not there', (log) => log.commitTo(4)],
    ['having applied what was not handed out', (log) => log.appliedTo(1)],
    ['compacting what is not applied', (log) => log.compactTo(1)],
  ])('stops at %s', (_name, broken) => {
    const log = logOf(1, 2, 2);
    log.commitTo(1);

    expect(() => broken(log)).toThrow(InvariantError);
  });
});
