import { configurationOf } from '../../test/core-harness';
import type { Member, SnapshotMetadata } from '../core';
import {
  chunkChecksum,
  chunkCountOf,
  chunkSizeOf,
  decodeSnapshotHeader,
  decodeWholeSnapshotFile,
  encodeSnapshotHeader,
  snapshotHeaderBytes,
  snapshotIdOf,
} from './snapshot-file';

function snapshotWith(members: readonly Member[]): SnapshotMetadata {
  const configuration = { clusterId: 'test', members };
  return { lastIncludedIndex: 9, lastIncludedTerm: 2, stampMs: 77, configuration };
}

const header = {
  snapshot: snapshotWith([
    { id: 1, address: 'a:1', voter: true, transition: 'outgoing' },
    { id: 2, address: 'b:1', voter: true, transition: 'incoming' },
    { id: 3, address: 'c:1', voter: true, transition: 'demoted' },
    { id: 4, address: 'd:1', voter: false, transition: 'joining' },
    { id: 5, address: 'e:1', voter: false },
  ]),
  dataBytes: 1000,
  chunkBytes: 300,
  checksum: 0xabcdef01,
} as const;

describe('the header of a snapshot file', () => {
  it('comes back as it was, and says how long it is', () => {
    const bytes = encodeSnapshotHeader(header);

    expect(bytes.readUInt32LE(8)).toBe(3);
    expect(snapshotHeaderBytes(bytes.subarray(0, 16))).toBe(bytes.length);
    expect(decodeSnapshotHeader(bytes)).toEqual(header);
  });

  it('says of how many chunks and of what sizes the file is', () => {
    expect(chunkCountOf(header)).toBe(4);
    expect([0, 1, 2, 3].map((number) => chunkSizeOf(header, number))).toEqual([300, 300, 300, 100]);
    expect(chunkCountOf({ ...header, dataBytes: 0 })).toBe(1);
    expect(chunkCountOf({ ...header, dataBytes: 600 })).toBe(2);
  });

  it('names the snapshot by everything in it', () => {
    const id = snapshotIdOf(encodeSnapshotHeader(header));
    const others = [
      { ...header, checksum: 1 },
      { ...header, dataBytes: 999 },
      { ...header, snapshot: { ...header.snapshot, stampMs: 78 } },
    ].map((other) => snapshotIdOf(encodeSnapshotHeader(other)).checksum);

    expect(id).toMatchObject({ lastIncludedIndex: 9, lastIncludedTerm: 2 });
    expect(new Set([id.checksum, ...others]).size).toBe(4);
  });

  it('is refused when any bit is wrong, or when it is cut', () => {
    const good = encodeSnapshotHeader(header);
    for (let at = 0; at < good.length; at++) {
      expect(() => decodeSnapshotHeader(good.subarray(0, at))).toThrow();
      for (let bit = 0; bit < 8; bit++) {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] as number) ^ (1 << bit);
        expect(() => decodeSnapshotHeader(bad)).toThrow();
      }
    }
  });

  it('of a newer format is refused, with the formats that are known', () => {
    const bytes = encodeSnapshotHeader(header);
    bytes.writeUInt32LE(4, 8);

    expect(() => decodeSnapshotHeader(bytes)).toThrow(
      'snapshot format 4 is not understood, only 1 to 3',
    );
  });
});

describe('a chunk', () => {
  it('has another checksum at every other place', () => {
    const data = Buffer.from('the same bytes');
    const sums = Array.from({ length: 100 }, (_, number) => chunkChecksum(number, data));
    expect(new Set(sums).size).toBe(100);
  });
});

describe('a snapshot file of the first format', () => {
  it('is read', () => {
    const file = Buffer.from(
      '52414654534e4150' + // RAFTSNAP
        '01000000' +
        '48000000' +
        '0900000000000000' +
        '0200000000000000' +
        '0000000000405340' +
        '040074657374' +
        '02000000' +
        '01000000000000000800686f73742d313a3101' +
        '02000000000000000800686f73742d323a3101' +
        '0500000000000000' +
        '20139d23' +
        '7374617465',
      'hex',
    );
    const snapshot = snapshotWith(configurationOf(2).members);
    expect(snapshotHeaderBytes(file)).toBeUndefined();
    expect(decodeWholeSnapshotFile(file)).toEqual({ snapshot, data: Buffer.from('state') });
  });
});
