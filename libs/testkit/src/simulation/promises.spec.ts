import type { Recovered } from '@raftway/raft';
import type { Entry, HardState, Persist, SnapshotMetadata, Term } from '@raftway/raft/core';
import { StoragePromises } from './promises';
import { SafetyViolation } from './violation';

const hardState: HardState = { currentTerm: 8, votedFor: 1, commitIndex: 0 };

function entries(firstIndex: number, ...terms: Term[]): Entry[] {
  return terms.map((term, at) => ({ index: firstIndex + at, term }) as Entry);
}

function batch(of: Partial<Persist>): Persist {
  return { number: 1, hardState, entries: [], snapshot: undefined, ...of };
}

function found(of: Partial<Recovered>): Recovered {
  return { hardState, entries: [], snapshot: undefined, ...of } as Recovered;
}

describe('what storage has promised', () => {
  let promises: StoragePromises;

  beforeEach(() => {
    promises = new StoragePromises(1);
    promises.persisted(batch({ entries: entries(1, 3, 7, 7) }));
  });

  it('has to be found', () => {
    expect(() => promises.recovered(found({ entries: entries(1, 3, 7, 7) }))).not.toThrow();
    expect(() => promises.recovered(found({ entries: entries(1, 3, 7) }))).toThrow(SafetyViolation);
  });

  it('may be replaced by a write that was under way, even with entries of an earlier term', () => {
    promises.writing(batch({ entries: entries(2, 6) }));
    expect(() => promises.recovered(found({ entries: entries(1, 3, 6) }))).not.toThrow();
  });

  it('may not be replaced before the place where that write begins', () => {
    promises.writing(batch({ entries: entries(3, 8) }));
    expect(() => promises.recovered(found({ entries: entries(1, 3, 6, 8) }))).toThrow(
      SafetyViolation,
    );
  });

  it('may not be replaced by a write of an earlier life', () => {
    promises.writing(batch({ entries: entries(2, 6) }));
    promises.recovered(found({ entries: entries(1, 3, 7, 7) }));
    expect(() => promises.recovered(found({ entries: entries(1, 3, 6) }))).toThrow(SafetyViolation);
  });

  it('may give way to a received snapshot that the log does not agree with', () => {
    const snapshot = { lastIncludedIndex: 2, lastIncludedTerm: 8 } as SnapshotMetadata;
    expect(() => promises.recovered(found({ snapshot }))).not.toThrow();
  });

  it('does not give way to a snapshot that the log agrees with', () => {
    const snapshot = { lastIncludedIndex: 2, lastIncludedTerm: 7 } as SnapshotMetadata;
    expect(() => promises.recovered(found({ snapshot }))).toThrow(SafetyViolation);
  });

  it('counts for a quorum also when it has rotted since, and when older entries have come back in its place', () => {
    const suspectTail = { file: 'wal', offset: 0 };
    const cameBack = found({ entries: entries(1, 3, 2, 2), suspectTail });
    promises.recovered(cameBack);
    promises.recovered(cameBack);
    expect(promises.holds(3, 7)).toBe(true);
    promises.trusted();
    expect(promises.holds(3, 7)).toBe(false);
  });
});
