import { ServiceError } from '@raftway/errors';
import { TokenIssuer } from '../../test/support/token-issuer';
import { TokenVerifier } from './token-verifier';

const issuer = new TokenIssuer();
let nowMs = Date.now();

beforeAll(() => issuer.addKey('first'));

function verifier(): TokenVerifier {
  return new TokenVerifier('p', [issuer.trusted()], () => nowMs);
}

describe('a token that was checked', () => {
  it('is known at once, until it expires', async () => {
    const tokens = verifier();
    nowMs = Date.now();
    const token = await issuer.token({ exp: Math.floor(nowMs / 1000) + 10 });

    const first = tokens.verify(token);
    const second = tokens.verify(token);
    const known = await first;

    // One check for both.
    expect(second).toBe(first);
    expect(tokens.verify(token)).toBe(known);
    nowMs += 9000;
    expect(tokens.verify(token)).toBe(known);
    nowMs += 3000;
    const late = await tokens.verify(token);
    expect(late).toBeInstanceOf(ServiceError);
    expect((late as ServiceError).metadata).toMatchObject({ why: 'expired' });
  });

  it('is one of so many that are remembered', async () => {
    const tokens = verifier();
    nowMs = Date.now();
    const token = await issuer.token();
    await tokens.verify(token);
    const others = await Promise.all(
      Array.from({ length: 10_000 }, (_, at) => issuer.token({ sub: `caller ${at}` })),
    );

    for (let at = 0; at < others.length; at += 500)
      await Promise.all(others.slice(at, at + 500).map(async (one) => await tokens.verify(one)));

    expect(tokens.verify(token)).toBeInstanceOf(Promise);
    expect(tokens.verify(others.at(-1) ?? '')).not.toBeInstanceOf(Promise);
  });
});

it('so many tokens are checked at a time', async () => {
  const tokens = verifier();
  nowMs = Date.now();
  const all = await Promise.all(
    Array.from({ length: 1001 }, (_, at) => issuer.token({ sub: `caller ${at}` })),
  );

  const answers = await Promise.all(all.map(async (token) => await tokens.verify(token)));

  const refused = answers.filter((answer) => answer instanceof ServiceError);
  expect(refused).toMatchObject([{ reason: 'TOKEN_CHECKS_FULL', metadata: { limit: '1000' } }]);
});
