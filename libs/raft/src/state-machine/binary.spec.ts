import fc from 'fast-check';
import { BinaryReader, BinaryWriter, DecodeError } from './index';

const written = (write: (writer: BinaryWriter) => void): Buffer => {
  const writer = new BinaryWriter(1);
  write(writer);
  return writer.finish();
};

describe('BinaryWriter and BinaryReader', () => {
  it('give back whatever was written', () => {
    const values = fc.record({
      u8: fc.nat(0xff),
      u16: fc.nat(0xffff),
      u32: fc.nat(0xffffffff),
      uint53: fc.nat(Number.MAX_SAFE_INTEGER),
      i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      f64: fc.double({ noNaN: true, noDefaultInfinity: true }),
      boolean: fc.boolean(),
      text: fc.string({ unit: 'grapheme' }),
      list: fc.array(fc.string({ unit: 'grapheme' })),
    });
    fc.assert(
      fc.property(values, (it) => {
        const bytes = written((writer) => {
          writer.u8(it.u8).u16(it.u16).u32(it.u32).uint53(it.uint53).i64(it.i64).f64(it.f64);
          writer
            .boolean(it.boolean)
            .text(it.text)
            .list(it.list, (item) => writer.text(item));
        });

        const reader = new BinaryReader(bytes);

        expect({
          u8: reader.u8(),
          u16: reader.u16(),
          u32: reader.u32(),
          uint53: reader.uint53(),
          i64: reader.i64(),
          f64: reader.f64(),
          boolean: reader.boolean(),
          text: reader.text(),
          list: reader.list(2, () => reader.text()),
        }).toEqual(it);
        reader.end();
      }),
    );
  });

  it('keep the replacement character that somebody wrote', () => {
    const bytes = written((writer) => writer.text('a\ufffdb'));

    expect(new BinaryReader(bytes).text()).toBe('a\ufffdb');
  });

  it('refuse numbers that are not exact', () => {
    for (const value of [-1, 1.5, 2 ** 53, NaN]) {
      expect(() => new BinaryWriter().uint53(value)).toThrow(RangeError);
    }
  });

  it('refuse a text that is too long for its length field', () => {
    expect(() => new BinaryWriter().text('x'.repeat(65_536))).toThrow(RangeError);
  });
});

describe('BinaryReader', () => {
  it.each<[string, Uint8Array, (reader: BinaryReader) => unknown]>([
    ['a number past the end', Uint8Array.of(1, 2, 3), (reader) => reader.u32()],
    ['a number above 2^53', new Uint8Array(8).fill(0xff), (reader) => reader.uint53()],
    ['no finite number', new Uint8Array(8).fill(0xff), (reader) => reader.f64()],
    ['no boolean', Uint8Array.of(2), (reader) => reader.boolean()],
    ['a text past the end', Uint8Array.of(9, 0, 65), (reader) => reader.text()],
    ['a text that is not UTF-8', Uint8Array.of(1, 0, 0xff), (reader) => reader.text()],
    ['bytes past the end', Uint8Array.of(9, 0, 0, 0, 1), (reader) => reader.bytes()],
    [
      'a list that cannot fit',
      Uint8Array.of(255, 255, 255, 255, 1),
      (reader) => reader.list(1, () => reader.u8()),
    ],
    ['bytes that are left over', Uint8Array.of(1), (reader) => reader.end()],
  ])('refuses %s', (_what, bytes, read) => {
    expect(() => read(new BinaryReader(bytes))).toThrow(DecodeError);
  });

  it('reads a view into a larger memory', () => {
    const memory = Uint8Array.of(9, 9, 7, 0, 9);

    expect(new BinaryReader(memory.subarray(2, 4)).u16()).toBe(7);
  });
});
