import fc from 'fast-check';
import { entryOf, plain } from '../../test/support/entries';
import { BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { ENTRY_VERSION, EntryKind } from '../core';
import { decodeEntry, encodeEntry } from './entry-codec';

const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const entry = fc.record({
  version: fc.constant(ENTRY_VERSION),
  index: number,
  term: number,
  kind: fc.constantFrom(...Object.values(EntryKind)),
  stampMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  clientId: fc.string({ unit: 'grapheme', maxLength: 128 }),
  sequence: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  payload: fc.uint8Array({ maxLength: 1000 }),
});

describe('the entry codec', () => {
  it('yields every entry as it was', () => {
    fc.assert(
      fc.property(entry, (original) => {
        const reader = new BinaryReader(encodeEntry(original));
        const decoded = decodeEntry(reader);
        reader.end();
        expect(plain([decoded])).toEqual(plain([original]));
      }),
    );
  });

  it('encodes an entry once, also one that came as bytes', () => {
    const original = entryOf(7, 3);
    const bytes = encodeEntry(original);
    expect(encodeEntry(original)).toBe(bytes);

    const decoded = decodeEntry(new BinaryReader(bytes));
    const again = encodeEntry(decoded);
    expect(again.buffer).toBe(bytes.buffer);
    expect(Buffer.from(again).equals(bytes)).toBe(true);
  });

  it('refuses what it does not understand', () => {
    const newer = Buffer.from(encodeEntry(entryOf(1, 1)));
    newer[0] = ENTRY_VERSION + 1;
    expect(() => decodeEntry(new BinaryReader(newer))).toThrow(DecodeError);
    const kind = Buffer.from(encodeEntry(entryOf(1, 1)));
    kind[1] = 99;
    expect(() => decodeEntry(new BinaryReader(kind))).toThrow('entry kind 99 is not understood');
  });

  it('refuses indexes from 2^53 on, in both directions', () => {
    expect(() => encodeEntry({ ...entryOf(1, 1), index: 2 ** 53 })).toThrow(RangeError);
    const bytes = Buffer.from(encodeEntry(entryOf(1, 1)));
    bytes.writeUInt32LE(0xffff_ffff, 6);
    expect(() => decodeEntry(new BinaryReader(bytes))).toThrow(DecodeError);
  });

  it('throws nothing but DecodeError on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeEntry(new BinaryReader(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});
