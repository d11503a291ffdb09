import { type BinaryReader, decodeCommandWith, DecodeError, NewerFormatError } from './index';

const read = (reader: BinaryReader) => ({ amount: reader.u8() });

describe('decodeCommandWith', () => {
  it('reads what follows the format', () => {
    expect(decodeCommandWith(Uint8Array.of(2, 7), 2, read)).toEqual({ amount: 7 });
  });

  it.each([
    ['no bytes', []],
    ['an older format', [1, 7]],
    ['too few bytes', [2]],
    ['too many bytes', [2, 7, 7]],
  ])('finds no command in %s', (_what, bytes) => {
    expect(decodeCommandWith(Uint8Array.from(bytes), 2, read)).toBeUndefined();
  });

  it('finds no command where the reading of its fields fails', () => {
    const fail = () => {
      throw new DecodeError('an unknown kind');
    };

    expect(decodeCommandWith(Uint8Array.of(2), 2, fail)).toBeUndefined();
  });

  it('throws on a newer format, whatever follows it', () => {
    expect(() => decodeCommandWith(Uint8Array.of(3), 2, read)).toThrow(NewerFormatError);
  });
});
