import { configurationOf } from '../../test/core-harness';
import type { Member, SnapshotMetadata } from '../core';
import { decodeSnapshotFile, encodeSnapshotFile } from './snapshot-file';

const data = Buffer.from('state');

function snapshotWith(members: readonly Member[]): SnapshotMetadata {
  const configuration = { clusterId: 'test', members };
  return { lastIncludedIndex: 9, lastIncludedTerm: 2, stampMs: 77, configuration };
}

function file(snapshot: SnapshotMetadata): Buffer {
  return Buffer.concat(encodeSnapshotFile(snapshot, data));
}

describe('a snapshot file', () => {
  it('is format 1 without transitions, as it was before there were any', () => {
    const snapshot = snapshotWith(configurationOf(2).members);
    const before =
      '52414654534e4150' + // RAFTSNAP
      '01000000' +
      '48000000' +
      '0900000000000000' +
      '0200000000000000' +
      '0000000000405340' +
      '040074657374' +
      '02000000' +
      '01000000000000000800686f73742d313a3101' +
      '02000000000000000800686f73742d323a3101';

    const bytes = file(snapshot);

    expect(bytes.toString('hex').startsWith(before)).toBe(true);
    expect(decodeSnapshotFile(bytes).snapshot).toEqual(snapshot);
  });

  it('is format 2 with transitions, and comes back with them', () => {
    const snapshot = snapshotWith([
      { id: 1, address: 'a:1', voter: true, transition: 'outgoing' },
      { id: 2, address: 'b:1', voter: true, transition: 'incoming' },
      { id: 3, address: 'c:1', voter: true, transition: 'demoted' },
      { id: 4, address: 'd:1', voter: false, transition: 'joining' },
      { id: 5, address: 'e:1', voter: false },
    ]);

    const bytes = file(snapshot);

    expect(bytes.readUInt32LE(8)).toBe(2);
    expect(decodeSnapshotFile(bytes)).toEqual({ snapshot, data });
  });

  it('of a newer format is refused', () => {
    const bytes = file(snapshotWith(configurationOf(1).members));
    bytes.writeUInt32LE(3, 8);

    expect(() => decodeSnapshotFile(bytes)).toThrow('snapshot format 3 is not understood');
  });
});
