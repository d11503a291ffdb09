import * as fc from 'fast-check';
import { Base64Decoder } from './base64-stream';

describe('base64 that comes in pieces', () => {
  it('is the bytes that were encoded, part by part, wherever it is cut', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 8 });
    fc.assert(
      fc.property(parts, fc.array(fc.nat(200), { maxLength: 8 }), (given, cuts) => {
        const text = Buffer.from(given.map((one) => Buffer.from(one).toString('base64')).join(''));
        const places = [...new Set([0, ...cuts, text.length])]
          .filter((place) => place <= text.length)
          .sort((a, b) => a - b);
        const decoder = new Base64Decoder();
        const decoded = places
          .slice(1)
          .map((end, index) => decoder.decode(text.subarray(places[index], end)) as Buffer);

        expect(Buffer.concat(decoded).toString('hex')).toBe(Buffer.concat(given).toString('hex'));
        expect(decoder.isIncomplete).toBe(false);
      }),
    );
  });

  it.each(['a-_b', 'ab c', '=abc', 'a===', 'ab=c', 'abc=ab=c'])('%j is none', (text) => {
    expect(new Base64Decoder().decode(Buffer.from(text))).toBeUndefined();
  });

  it('is incomplete when a group lacks characters', () => {
    const decoder = new Base64Decoder();

    expect(decoder.decode(Buffer.from('QUJDRA'))?.toString()).toBe('ABC');
    expect(decoder.isIncomplete).toBe(true);
  });
});
