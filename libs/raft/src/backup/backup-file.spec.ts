import * as fc from 'fast-check';
import { BackupDecoder, type BackupDescription, encodeBackup } from './backup-file';

const DESCRIPTION: BackupDescription = {
  service: 'lock-service',
  version: '0.1.0',
  takenAtMs: Date.UTC(2026, 10, 29),
  snapshot: {
    lastIncludedIndex: 42,
    lastIncludedTerm: 3,
    stampMs: 12.5,
    configuration: {
      clusterId: 'lock-service',
      members: [{ id: 1, address: 'a:1', voter: true }],
    },
  },
};

async function encoded(data: Uint8Array, chunkBytes = 16): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of encodeBackup(DESCRIPTION, data, chunkBytes)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function decode(bytes: Uint8Array, pieceBytes = bytes.length) {
  const pieces: Uint8Array[] = [];
  const decoder = new BackupDecoder((data) => void pieces.push(Uint8Array.from(data)));
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    decoder.push(bytes.subarray(at, at + pieceBytes));
  }
  return { summary: decoder.finish(), data: Buffer.concat(pieces) };
}

describe('a backup file', () => {
  it('says what it is, and gives the state back, however it is cut into pieces', () =>
    fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 100 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        async (state, chunkBytes, pieceBytes) => {
          const { summary, data } = decode(await encoded(state, chunkBytes), pieceBytes);

          expect([...data]).toEqual([...state]);
          expect(summary).toMatchObject({ ...DESCRIPTION, format: 1, dataBytes: state.length });
          expect(summary.digest).toMatch(/^[0-9a-f]{64}$/);
        },
      ),
    ));

  it('is refused wherever it is cut off, and never taken for a shorter one', async () => {
    const whole = await encoded(Buffer.from('a state that needs three chunks, or four'));

    for (let length = 0; length < whole.length; length += 1) {
      expect(() => decode(whole.subarray(0, length), 7)).toThrow('cut off');
    }
  });

  it('is refused whichever bit has flipped', async () => {
    const whole = await encoded(Buffer.from('a state that needs three chunks, or four'));

    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decode(flipped)).toThrow();
    }
  });

  it('is refused with anything behind its end', async () => {
    const whole = await encoded(Buffer.from('state'));

    expect(() => decode(Buffer.concat([whole, Buffer.of(0)]))).toThrow(
      '1 bytes follow the end of the backup',
    );
  });

  it('of a newer format is refused by its number, with what to do', async () => {
    const newer = await encoded(Buffer.from('state'));
    newer.writeUInt32LE(2, 8);

    expect(() => decode(newer)).toThrow(
      'backup format 2 is not understood, only 1: use the release that wrote it, or a newer one',
    );
    expect(() => decode(Buffer.from('something that is no backup'))).toThrow('this is no backup');
  });
});
