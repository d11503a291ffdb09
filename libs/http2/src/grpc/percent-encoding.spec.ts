import { percentDecode, percentEncode } from './percent-encoding';

describe('a grpc-message', () => {
  it.each([
    ['plain text is as it is', 'a b', 'a b'],
    ['percent signs and what is not ASCII are encoded', '5 % of ü', '5 %25 of %C3%BC'],
    ['so are control characters', 'one\ntwo', 'one%0Atwo'],
    ['spaces at its ends are, as no field value may have them there', ' a  ', '%20a %20'],
    ['one space is both ends', ' ', '%20'],
    ['nothing is nothing', '', ''],
  ])('%s', (_what, text, expected) => {
    expect(percentEncode(text)).toBe(expected);
    expect(percentDecode(percentEncode(text)).toString()).toBe(text);
  });

  it('that is not encoded as it should be is read as far as it is', () => {
    expect(percentDecode('5 % of %zz and %C3').toString('latin1')).toBe('5 % of %zz and \u00c3');
  });
});
