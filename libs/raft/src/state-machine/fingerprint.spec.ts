import { fingerprint } from './index';

describe('fingerprint', () => {
  it('tells apart where one text ends and the next begins', () => {
    expect(fingerprint('ab', 'c')).not.toBe(fingerprint('a', 'bc'));
    expect(fingerprint('a')).not.toBe(fingerprint('a', ''));
  });

  it('is what logs and snapshots already have', () => {
    expect(fingerprint('acquire', 'orders', '', 'ada')).toBe(2_889_064_620);
  });
});
