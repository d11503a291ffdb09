import { type SessionSettings } from '../domain/documents';
import { type InstanceEndpoint } from '../domain/backend';
import { CallSession, Sessions } from './sessions';

const settings: SessionSettings = {
  scope: 'rule',
  type: 'Header',
  name: 'x-cart',
  absoluteMs: 10_000,
  idleMs: 4000,
  isPermanent: false,
};
const endpoint = { service: 'shop', key: 'shop/a@10.0.0.1:1' } as InstanceEndpoint;

describe('sessions', () => {
  it('are known to every gateway with the same key, and to no other', () => {
    const key = 'sixteen letters!';
    const [one, same, other, random] = [key, key, `${key}!`, undefined].map(
      (secret) => new Sessions(secret),
    );
    const token = one?.write(settings, endpoint, 1000, 1000) ?? '';
    const read = (sessions?: Sessions) => sessions?.read(settings, ['x-cart', token], 2000);

    expect(read(same)?.token).toMatchObject({ issuedMs: 1000, usedMs: 1000 });
    expect(read(other)).toEqual({ token: undefined, isInvalid: true });
    expect(read(random)).toEqual({ token: undefined, isInvalid: true });
  });

  it('end with their times', () => {
    const sessions = new Sessions(undefined);
    const isOpen = (usedMs: number, nowMs: number): boolean => {
      const token = sessions.write(settings, endpoint, 1000, usedMs);
      return sessions.read(settings, ['x-cart', token], nowMs).token !== undefined;
    };

    expect([isOpen(1000, 4999), isOpen(1000, 5000)]).toEqual([true, false]);
    expect([isOpen(10_000, 10_999), isOpen(10_000, 11_000)]).toEqual([true, false]);
  });

  it('say nothing of what instances are called, and where they are', () => {
    const sessions = new Sessions('sixteen letters!');
    const token = sessions.write(settings, endpoint, 1000, 1000);

    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toMatch(/shop|10\.0/);
  });

  it('are found in the first cookie that holds, of a few', () => {
    const sessions = new Sessions(undefined);
    const cookie = { ...settings, type: 'Cookie' as const, name: 'cart' };
    const token = sessions.write(cookie, endpoint, 1000, 1000);
    const read = (before: number) =>
      sessions.read(cookie, ['cookie', `${'cart=x; '.repeat(before)}cart=${token}`], 1500);

    expect(read(3).token).toBeDefined();
    expect(read(4)).toEqual({ token: undefined, isInvalid: true });
    expect(sessions.read(cookie, [], 1500)).toEqual({ token: undefined, isInvalid: false });
  });
});

describe('the session of a call', () => {
  it('begins with no answer that says that the instance is the trouble', () => {
    const outcomes: string[] = [];
    const session = new CallSession({
      ...{ sessions: new Sessions(undefined), settings, token: undefined, isSecure: false },
      wallMs: () => 1000,
      onOutcome: (_service, outcome) => outcomes.push(outcome),
    });
    const begins = (code: number): boolean =>
      session.answer(['grpc-status', String(code)], true, endpoint).includes('x-cart');

    // NOT_FOUND is about the request, INTERNAL and UNAVAILABLE are about the instance.
    expect([0, 5, 13, 14].map(begins)).toEqual([true, true, false, false]);
    expect(outcomes).toEqual(['begun', 'begun']);
  });
});
