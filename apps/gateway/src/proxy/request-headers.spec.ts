import { type InstanceEndpoint } from '../domain/backend';
import { type HeadersNow, headersForInstance } from './request-headers';

const headers = [':path', '/a.B/C', ':authority', 'x', 'te', 'trailers'];
const start = { headers, clientAddress: '10.0.0.1', identity: undefined };
const context = { upstreamScheme: 'http', trustForwarded: false } as const;
const now: HeadersNow = { remainingMs: 1000, context };
const instance = { address: 'v1:1' } as InstanceEndpoint;

describe('headers for an instance', () => {
  it('are one list for calls that are alike', () => {
    const first = headersForInstance(start, instance, now);

    expect(headersForInstance({ ...start }, { ...instance }, { ...now })).toBe(first);
    expect(first).toEqual([
      ...[':method', 'POST', ':scheme', 'http', ':path', '/a.B/C', ':authority', 'x'],
      ...['grpc-timeout', '1000000u', 'te', 'trailers', 'x-forwarded-for', '10.0.0.1'],
    ]);
  });

  it.each<[string, Partial<typeof start>, Partial<HeadersNow>, string]>([
    ['time', {}, { remainingMs: 999 }, '999000u'],
    ['client', { clientAddress: '10.0.0.2' }, {}, '10.0.0.2'],
    ['settings', {}, { context: { ...context, upstreamScheme: 'https' } }, 'https'],
  ])('have their own %s', (_, otherStart, otherNow, text) => {
    headersForInstance(start, instance, now);

    const other = headersForInstance({ ...start, ...otherStart }, instance, {
      ...now,
      ...otherNow,
    });

    expect(other).toContain(text);
  });

  it('have the address of their own instance where the client named no host', () => {
    const nameless = { ...start, headers: [':path', '/a.B/C'] };
    headersForInstance(nameless, instance, now);

    expect(headersForInstance(nameless, { ...instance, address: 'v2:1' }, now)).toContain('v2:1');
  });

  it('say who calls only for a call of which that is known', () => {
    const told = { ...start, headers: [...headers, 'raftway-identity-type', 'jwt'] };

    expect(
      headersForInstance(
        { ...told, identity: { type: 'jwt', principal: 'ann' } as const },
        instance,
        now,
      ),
    ).toContain('jwt');
    expect(headersForInstance(told, instance, now)).not.toContain('jwt');
  });

  it('name the span of their own call', () => {
    const traced = (id: string) =>
      headersForInstance(start, instance, { ...now, trace: ['traceparent', id] });
    const plain = headersForInstance(start, instance, now);

    expect(traced('00-1')).toContain('00-1');
    expect(traced('00-2')).toContain('00-2');
    expect(headersForInstance(start, instance, now)).toEqual(plain);
  });
});
