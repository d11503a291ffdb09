import * as fc from 'fast-check';
import { http2Code } from '../../http2-codes';
import { ConnectionError } from '../connection-error';
import { HpackDecoder } from './decoder';
import { HpackEncoder } from './encoder';

const limits = { headerListBytesMax: 65_536, headerCountMax: 256 };

function decode(decoder: HpackDecoder, hex: string): readonly string[] {
  const block = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decoder.decode(block, 0, block.length).pairs;
}

function encode(encoder: HpackEncoder, pairs: readonly string[]): Buffer {
  const target = Buffer.alloc(HpackEncoder.roomFor(pairs));
  return target.subarray(0, encoder.encode(pairs, target, 0));
}

const request1 = [
  ':method',
  'GET',
  ':scheme',
  'http',
  ':path',
  '/',
  ':authority',
  'www.example.com',
];
const request2 = [...request1, 'cache-control', 'no-cache'];
const request3 = [
  ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html'],
  ...[':authority', 'www.example.com', 'custom-key', 'custom-value'],
];
const date = 'Mon, 21 Oct 2013 20:13:21 GMT';
const responseTail = ['location', 'https://www.example.com'];

describe('the vectors of RFC 7541, Appendix C', () => {
  it.each([
    [
      'C.2.1',
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      ['custom-key', 'custom-header'],
    ],
    ['C.2.2', '040c 2f73 616d 706c 652f 7061 7468', [':path', '/sample/path']],
    ['C.2.3', '1008 7061 7373 776f 7264 0673 6563 7265 74', ['password', 'secret']],
    ['C.2.4', '82', [':method', 'GET']],
  ])('%s: one field', (_name, hex, pairs) => {
    expect(decode(new HpackDecoder(limits), hex)).toEqual(pairs);
  });

  it.each([
    [
      'C.3, without Huffman',
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    [
      'C.4, with Huffman',
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
  ])('%s: three requests on one connection', (_name, ...blocks) => {
    const decoder = new HpackDecoder(limits);

    expect(blocks.map((hex) => decode(decoder, hex))).toEqual([request1, request2, request3]);
  });

  it('C.5 and C.6: responses with eviction', () => {
    // The RFC lets the table have 256 octets; a size update says so.
    const update = '3fe101';
    for (const blocks of [
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
      ],
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
      ],
    ]) {
      const decoder = new HpackDecoder(limits);
      const [first = '', second = ''] = blocks;

      expect(decode(decoder, update + first)).toEqual([
        ...[':status', '302', 'cache-control', 'private', 'date', date, ...responseTail],
      ]);
      expect(decode(decoder, second)).toEqual([
        ...[':status', '307', 'cache-control', 'private', 'date', date, ...responseTail],
      ]);
      // :status 302 has been evicted; its place is behind the end of the table.
      expect(() => decode(decoder, 'c2')).toThrow(ConnectionError);
    }
  });
});

describe('a decoder', () => {
  it.each([
    ['index 0', '80'],
    ['an index behind the table', 'be'],
    ['a far index', 'ffffffff07'],
    ['an integer without end', 'ffffffffffffffffff7f'],
    ['an integer that ends too early', 'ff'],
    ['a string longer than the block', '0005 61'],
    ['a literal without a value', '0001 61'],
    ['a size update above the limit', '3fe2 1f'],
    ['a size update behind a field', '82 20'],
    ['three size updates', '20 20 20 82'],
    ['Huffman padding of zeros', '0081 00 00'],
    ['Huffman padding of more than seven bits', '0082 1fff 00'],
    ['Huffman EOS', '0084 ffff ffff 00'],
  ])('refuses %s with COMPRESSION_ERROR', (_name, hex) => {
    expect(() => decode(new HpackDecoder(limits), hex)).toThrow(
      expect.objectContaining({ code: 9 }) as Error,
    );
  });

  it('keeps a header bomb as small as the limit, and the table right', () => {
    const decoder = new HpackDecoder({ headerListBytesMax: 10_000, headerCountMax: 256 });
    const value = 'v'.repeat(3000);
    const insert = Buffer.concat([
      Buffer.from('400178', 'hex'),
      Buffer.from([0x7f, 0xb9, 0x16]),
      Buffer.from(value),
    ]);
    decoder.decode(insert, 0, insert.length);
    const bomb = Buffer.alloc(50, 0xbe);

    const section = decoder.decode(bomb, 0, bomb.length);

    expect(section.isTooLarge).toBe(true);
    expect(section.pairs.length).toBeLessThanOrEqual(2 * 4);
    expect(decode(decoder, 'be')).toEqual(['x', value]);
  });

  it('stops in a header list that is sixteen times as large as the limit', () => {
    const decoder = new HpackDecoder({ headerListBytesMax: 1000, headerCountMax: 256 });
    decode(decoder, '4001 78 05 3132333435');

    // 38 bytes a field: 421 of them are 15,998.
    const section = decoder.decode(Buffer.alloc(421, 0xbe), 0, 421);

    expect(section.isTooLarge).toBe(true);
    expect(() => decoder.decode(Buffer.alloc(422, 0xbe), 0, 422)).toThrow(
      expect.objectContaining({ code: http2Code.enhanceYourCalm }) as Error,
    );
  });

  it('keeps no more fields than it may', () => {
    const decoder = new HpackDecoder({ headerListBytesMax: 1_000_000, headerCountMax: 100 });

    const section = decoder.decode(Buffer.alloc(5000, 0x82), 0, 5000);

    expect([section.isTooLarge, section.pairs.length]).toEqual([true, 200]);
  });

  it('gives the same list for the same indexes until the table changes', () => {
    const decoder = new HpackDecoder(limits);
    const block = Buffer.from('8286', 'hex');
    const first = decoder.decode(block, 0, 2);

    expect(decoder.decode(block, 0, 2)).toBe(first);
    decode(decoder, '4001 6101 62');
    expect(decode(decoder, 'be')).toEqual(['a', 'b']);
    decode(decoder, '4001 6301 64');

    expect(decode(decoder, 'be')).toEqual(['c', 'd']);
  });

  it('gives the same list for the same literals that no table takes, until there are too many', () => {
    const decoder = new HpackDecoder(limits);
    // :path as clients send it, and authorization, never indexed.
    const block = Buffer.from('8204022f611f0803616263', 'hex');
    const first = decoder.decode(block, 0, block.length);

    expect(first.pairs).toEqual([':method', 'GET', ':path', '/a', 'authorization', 'abc']);
    expect(decoder.decode(block, 0, block.length)).toBe(first);
    for (let size = 500; size < 510; size += 1) {
      const other = Buffer.alloc(size, 0x82);
      expect(decoder.decode(other, 0, size).pairs).toHaveLength(2 * limits.headerCountMax);
    }
    const again = decoder.decode(block, 0, block.length);

    expect(again).not.toBe(first);
    expect(again.pairs).toEqual(first.pairs);
  });

  it('survives any bytes: a list or COMPRESSION_ERROR', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 4 }), (blocks) => {
        const decoder = new HpackDecoder({ headerListBytesMax: 1000, headerCountMax: 20 });
        try {
          for (const bytes of blocks) {
            const { pairs } = decoder.decode(Buffer.from(bytes), 0, bytes.length);
            expect(pairs.length).toBeLessThanOrEqual(40);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ConnectionError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an encoder', () => {
  const name = fc.constantFrom(
    ':path',
    'content-type',
    'x-a',
    'x-b',
    'authorization',
    'grpc-timeout',
    'long-name-of-a-header',
  );
  const value = fc.oneof(
    fc.constantFrom('', 'a', 'application/grpc', 'x'.repeat(300)),
    fc.string({
      unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 60,
    }),
  );
  const list = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => pairs.flat());
  const step = fc.oneof(list, list, fc.integer({ min: 0, max: 6000 }));

  it('is understood by the decoder, whatever lists and table limits come', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder(limits);
        for (const one of steps) {
          if (typeof one === 'number') encoder.setPeerLimit(one);
          else
            for (let times = 0; times < 3; times += 1) {
              const block = encode(encoder, one);
              expect(decoder.decode(block, 0, block.length).pairs).toEqual(one);
            }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('sends what repeats as one octet a field', () => {
    const encoder = new HpackEncoder();
    const pairs = [
      ':method',
      'POST',
      ':path',
      '/a.B/C',
      'content-type',
      'application/grpc',
      'x-own',
      '1',
    ];

    encode(encoder, pairs);
    encode(encoder, pairs);

    expect(encode(encoder, pairs)).toHaveLength(4);
  });

  it('never puts secrets in a table, and says that nobody may', () => {
    const encoder = new HpackEncoder();
    for (let times = 0; times < 3; times += 1) {
      const block = encode(encoder, ['authorization', 'Bearer x']);

      expect([(block[0] ?? 0) & 0xf0, block.length > 8]).toEqual([0x10, true]);
    }
  });

  it('does not let what varies displace what repeats', () => {
    const encoder = new HpackEncoder();
    encode(encoder, [':path', '/a.B/C']);
    for (let call = 0; call < 500; call += 1)
      encode(encoder, ['grpc-timeout', `${call}u`, 'x-request', `id-${call}`]);

    expect(encode(encoder, [':path', '/a.B/C'])).toHaveLength(1);
  });

  it('uses no table when the peer allows none', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder(limits);
    encode(encoder, [':path', '/a']);
    encoder.setPeerLimit(0);

    const block = encode(encoder, [':path', '/a']);

    expect(block[0]).toBe(0x20);
    expect(decoder.decode(block, 0, block.length).pairs).toEqual([':path', '/a']);
    expect(encode(encoder, [':path', '/a']).length).toBeGreaterThan(1);
  });
});
