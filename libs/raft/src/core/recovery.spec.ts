import { recover } from './recovery';
import { EntryKind } from './types';
import type { Entry, SnapshotMetadata } from './types';

function entry(index: number, term: number): Entry {
  return {
    ...{
      version: 1,
      index,
      term,
      kind: EntryKind.command,
      stampMs: index,
      clientId: '',
      sequence: 0,
    },
    payload: new Uint8Array(0),
  };
}

const snapshot: SnapshotMetadata = {
  lastIncludedIndex: 139,
  lastIncludedTerm: 7,
  stampMs: 139,
  configuration: { clusterId: 'c', members: [{ id: 1, address: 'a:1', voter: true }] },
};

function recovered(...entries: Entry[]) {
  const hardState = { currentTerm: 7, votedFor: 0, commitIndex: 79 };
  return recover({ hardState, entries, snapshot, empty: false });
}

describe('a log that is found beside a snapshot', () => {
  it('is kept when it holds the entry of the snapshot, or goes on from it', () => {
    expect(recovered(entry(138, 6), entry(139, 7), entry(140, 7)).log.lastIndex).toBe(140);
    expect(recovered(entry(140, 7), entry(141, 8)).log.lastIndex).toBe(141);
  });

  it('gives way when it ends before the snapshot, or lost against it', () => {
    for (const entries of [[entry(138, 6)], [entry(138, 6), entry(139, 6), entry(140, 6)]]) {
      const { log, unwrittenSnapshot } = recovered(...entries);
      expect([log.baseIndex, log.lastIndex]).toEqual([139, 139]);
      expect(unwrittenSnapshot).toBe(snapshot);
    }
  });

  // Simulation, seed 15380 with 5 servers: a leader of term 7 cut entry 140 of term 6, that batch rotted, and the segments before it had been let go.
  it('gives way when it goes on with an entry that was cut, and the batch that cut it has rotted', () => {
    const { log, unwrittenSnapshot } = recovered(entry(140, 6));

    expect([log.baseIndex, log.lastIndex]).toEqual([139, 139]);
    expect(unwrittenSnapshot).toBe(snapshot);
  });
});
