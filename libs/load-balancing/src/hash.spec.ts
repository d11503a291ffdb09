import { hashPair, hashText, mix } from './hash';

describe('hashing', () => {
  it('is FNV-1a behind the finalizer of MurmurHash3', () => {
    expect(mix(0)).toBe(0);
    expect(mix(1)).toBe(0x514e28b7);
    expect(hashText('')).toBe(mix(0x811c9dc5));
    expect(hashText('a')).toBe(mix(0xe40c292c));
    expect(hashText('foobar')).toBe(mix(0xbf9cf968));
  });

  it('takes characters for bytes, and those above U+00FF for two', () => {
    expect(hashText('\u0102')).toBe(hashText('\u0002\u0001'));
    expect(hashText('\u00ff')).not.toBe(hashText('\u00ff\u0000'));
  });

  it('has two hashes of a key that do not depend on each other', () => {
    const [one, two] = ['greeter/13dsnzh', 'greeter/gse8vv'] as const;

    expect(hashText(one)).toBe(hashText(two));
    expect(hashPair(one)[1]).not.toBe(hashPair(two)[1]);
  });
});
