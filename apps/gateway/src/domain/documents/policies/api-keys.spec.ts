import { parseApiKeys } from './api-keys';

const [one, other] = ['a'.repeat(64), 'b'.repeat(64)] as const;

describe('a file of API keys', () => {
  it('has an id and a hash on each line, beside comments and empty lines', () => {
    expect(parseApiKeys(`# all\n\nshop ${one}\n  shop\t${other} # the next one\r\n`)).toEqual([
      { id: 'shop', sha256: one },
      { id: 'shop', sha256: other },
    ]);
  });

  it.each([
    ['a key instead of its hash', 'shop secret'],
    ['digits in upper case', `shop ${one.toUpperCase()}`],
    ['a digit too many', `shop ${one}0`],
    ['no hash', 'shop'],
    ['an id with other letters', `sh"op ${one}`],
    ['three words', `shop ${one} secret`],
  ])('is refused with its line and without its text: %s', (_what, line) => {
    expect(parseApiKeys(`first ${other}\n${line}`)).toBe(
      'line 2 is not an id and 64 hexadecimal digits in lower case',
    );
  });

  it('cannot have one key for two callers', () => {
    expect(parseApiKeys(`shop ${one}\nbank ${one}`)).toBe('line 2 has a key that is there already');
  });
});
