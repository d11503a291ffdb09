import { addPair, metadataPairs, readMetadata } from './metadata-pairs';

describe('received metadata', () => {
  const metadata = readMetadata([
    ...['a', 'one', 'a', 'two', 'b-bin', 'AQID', 'c-bin', 'AQ,Ag', 'd', ''],
  ]);

  it('has the first value, all values, and bytes under keys that end in -bin', () => {
    expect(metadata.get('a')).toBe('one');
    expect(metadata.getAll('a')).toEqual(['one', 'two']);
    expect(metadata.getBytes('b-bin')).toEqual(Buffer.from([1, 2, 3]));
    expect(metadata.getBytes('c-bin')).toEqual(Buffer.from([1]));
    expect(metadata.get('d')).toBe('');
  });

  it('has nothing under other keys, and no bytes as text or text as bytes', () => {
    expect(metadata.get('e')).toBeUndefined();
    expect(metadata.getAll('e')).toEqual([]);
    expect(metadata.get('b-bin')).toBeUndefined();
    expect(metadata.getBytes('a')).toBeUndefined();
  });
});

describe('metadata to send', () => {
  it('becomes header pairs, lists one pair a value', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(metadataPairs({ Name: 'x', list: ['y', 'z'], 'raw-bin': bytes })).toEqual([
      'name',
      'x',
      'list',
      'y',
      'list',
      'z',
      'raw-bin',
      'AQID',
    ]);
  });

  it.each([
    ['a key with a space', 'a b', 'x'],
    ['a pseudo header', ':path', 'x'],
    ['a key of gRPC itself', 'grpc-status', '0'],
    ['text with a line break, which would be a header of its own', 'a', 'x\r\nb: y'],
    ['text beyond ASCII', 'a', 'ü'],
    ['text under -bin', 'a-bin', 'x'],
    ['bytes under a text key', 'a', Uint8Array.of(1)],
  ])('refuses %s', (_what, key, value) => {
    const pairs: string[] = [];
    expect(() => addPair(pairs, key, value)).toThrow(key);
    expect(pairs).toEqual([]);
  });
});
