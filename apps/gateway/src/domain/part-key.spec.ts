import { type CallIdentity } from './call-identity';
import { partKeyTexts } from './part-key';

const browser = ['user-agent', 'curl', 'sec-fetch-mode', 'cors'];
const headers = [':authority', 'a.test', 'authorization', 'Bearer x', ...browser];
const clientAddress = '192.0.2.1';
const of = (identity: CallIdentity | undefined, keyHeaders?: readonly string[]): string[] =>
  partKeyTexts(headers, { clientAddress, identity }, keyHeaders);

describe('the key of a part', () => {
  it('has the client and all that may matter, or the headers that count', () => {
    expect(of(undefined)).toEqual([
      '192.0.2.1',
      ':authority',
      'a.test',
      'authorization',
      'Bearer x',
    ]);
    expect(of(undefined, [])).toEqual([':authority', 'a.test']);
    expect(of(undefined, ['user-agent'])).toEqual([':authority', 'a.test', 'user-agent', 'curl']);
  });

  it('tells callers apart that a SecurityPolicy tells apart, whichever headers count', () => {
    const callers: (CallIdentity | undefined)[] = [
      undefined,
      { type: 'anonymous', principal: undefined },
      { type: 'api-key', principal: 'ada' },
      { type: 'jwt', principal: 'ada', issuer: 'https://a.test' },
      { type: 'jwt', principal: 'ada', issuer: 'https://b.test' },
      { type: 'jwt', principal: 'bob', issuer: 'https://b.test' },
    ];
    const keys = callers.map((identity) => JSON.stringify(of(identity, [])));

    expect(new Set(keys).size).toBe(callers.length);
  });
});
