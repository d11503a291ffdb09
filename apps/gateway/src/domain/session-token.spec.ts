import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import {
  cookieValues,
  isSessionOpen,
  readSessionToken,
  type Sign,
  writeSessionToken,
} from './session-token';

const signWith =
  (key: string): Sign =>
  (bytes, scope) =>
    createHmac('sha256', key).update(scope).update(bytes).digest();
const sign = signWith('key');
const token = { service: '0a0b0c0d', instance: '0011223344556677', issuedMs: 1000, usedMs: 5000 };

describe('a token', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), fc.string(), (issuedMs, usedMs, scope) => {
        const written = { ...token, issuedMs, usedMs };
        expect(readSessionToken(writeSessionToken(written, scope, sign), scope, sign)).toEqual(
          written,
        );
      }),
    );
  });

  it('is refused when one of its bits differs, for another rule, with another key, and cut or grown', () => {
    const text = writeSessionToken(token, 'rule', sign);
    const bytes = Buffer.from(text, 'base64url');
    const others: string[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      others.push(changed.toString('base64url'));
    }

    for (const other of [...others, '', text.slice(1), `${text}A`, `${text} `])
      expect(readSessionToken(other, 'rule', sign)).toBeUndefined();
    expect(readSessionToken(text, 'other rule', sign)).toBeUndefined();
    expect(readSessionToken(text, 'rule', signWith('other key'))).toBeUndefined();
    expect(readSessionToken(text, 'rule', sign)).toEqual(token);
  });
});

describe('a session', () => {
  const none = { absoluteMs: undefined, idleMs: undefined };
  it.each([
    ['without limits, for ever', none, 1e12, true],
    ['until just before its absolute time', { ...none, absoluteMs: 9000 }, 9999, true],
    ['not at its absolute time', { ...none, absoluteMs: 9000 }, 10_000, false],
    ['until just before its idle time', { ...none, idleMs: 2000 }, 6999, true],
    ['not at its idle time', { ...none, idleMs: 2000 }, 7000, false],
    ['not beyond the first of both', { absoluteMs: 3000, idleMs: 2000 }, 6000, false],
    ['when another gateway’s clock is ahead a little', none, 0, true],
  ])('is open %s', (_what, limits, nowMs, isOpen) => {
    expect(isSessionOpen(token, limits, nowMs)).toBe(isOpen);
  });

  it('is not open when it is from a time that is still to come', () => {
    expect(isSessionOpen({ ...token, usedMs: 70_000 }, none, 1000)).toBe(false);
  });
});

it('the values of a cookie are those of all headers, in turn', () => {
  const headers = ['cookie', 'a=1; b=2;a = 3', 'accept', 'a=x', 'cookie', 'a=4; c', 'cookie', '=5'];

  expect(cookieValues(headers, 'a')).toEqual(['1', '3', '4']);
  expect(cookieValues(headers, 'c')).toEqual([]);
});
