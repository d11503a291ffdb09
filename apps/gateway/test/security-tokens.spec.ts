import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { collect } from './support/echo-backend';
import { DocumentGateway, routeTo } from './support/document-gateway';
import { errorInfo, eventually } from './support/harness';
import { bearer, edge, metadataOf, securityPolicy } from './support/secured';
import { TokenIssuer } from './support/token-issuer';

let issuer: TokenIssuer;
let gateway: DocumentGateway;

beforeEach(async () => {
  issuer = await TokenIssuer.start();
});
afterEach(async () => {
  await gateway.close();
  await issuer.close();
});

interface Keys {
  /** Where the keys come from, and how often. */
  readonly keys?: string;
  readonly more?: string;
}

/** Everything goes to v1, with tokens of the issuer. */
function documents({ keys = `url: "${issuer.url}"`, more = '' }: Keys = {}): string {
  const claims = 'claimHeaders: [{ claim: email, header: x-user-email }]';
  const one = `{ issuer: "https://id.test", audiences: [echo], keys: { ${keys} }, ${claims} }`;
  return routeTo('v1') + '---' + edge + securityPolicy(`jwt: { issuers: [${one}] }${more}`);
}

async function start(keys?: Keys): Promise<void> {
  gateway = await DocumentGateway.start({ 'all.yaml': documents(keys) });
}

function call(token: string, more: Readonly<Record<string, string>> = {}) {
  return gateway.harness.client().unary('x', { metadata: bearer(token, more) });
}

async function resultsOf(): Promise<string> {
  const text = await gateway.harness.metrics.text();
  return text
    .split('\n')
    .filter((line) => line.includes('security_calls_total{'))
    .join('\n');
}

const isOk = async (token: string): Promise<boolean> =>
  ((await call(token)).code as status) === status.OK;

/** Waits until calls with a token end so. */
async function until(token: string, ok: boolean): Promise<void> {
  const endMs = performance.now() + 20_000;
  while ((await isOk(token)) !== ok)
    if (performance.now() > endMs)
      throw new Error(`the token is still ${ok ? 'refused' : 'taken'}`);
}

describe('a call with a good token', () => {
  it('passes, and the instance is told who calls, but not the token', async () => {
    await start();

    const { code } = await call(await issuer.token({ email: 'alice@example.com' }));

    expect(code).toBe(status.OK);
    const [seen] = gateway.backends[0]?.metadata ?? [];
    expect(seen?.getMap()).toMatchObject({
      'raftway-identity-type': 'jwt',
      'raftway-identity-principal': 'alice',
      'raftway-identity-issuer': 'https://id.test',
      'x-user-email': 'alice@example.com',
    });
    expect(seen?.get('authorization')).toEqual([]);
    expect(await resultsOf()).toMatch(/policy="SecurityPolicy default\/edge",result="allowed"\} 1/);
  });

  it('cannot say anything else of itself', async () => {
    await start();
    const forged = {
      'raftway-identity-principal': 'root',
      'raftway-identity-groups': 'admin',
      'x-user-email': 'root@example.com',
    };

    await call(await issuer.token({ sub: 'naïve\n' }), forged);

    const [seen] = gateway.backends[0]?.metadata ?? [];
    expect(seen?.get('raftway-identity-principal')).toEqual(['na%C3%AFve%0A']);
    expect(seen?.get('raftway-identity-groups')).toEqual([]);
    expect(seen?.get('x-user-email')).toEqual([]);
  });

  it('passes with its token when the policy says forward', async () => {
    await start();
    const token = await issuer.token();
    await gateway.change('all.yaml', documents().replace('issuers:', 'forward: true, issuers:'));

    await call(token);

    const [seen] = gateway.backends[0]?.metadata ?? [];
    expect(seen?.get('authorization')).toEqual([`Bearer ${token}`]);
  });

  it('passes as a stream whose messages came while the token was checked', async () => {
    await start();
    const stream = gateway.harness.client().client.makeBidiStreamRequest(
      '/test.Echo/Bidi',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      bearer(await issuer.token()),
    );
    const outcome = collect<Buffer>(stream);

    for (let at = 0; at < 50; at += 1) stream.write(Buffer.from(`${at}`));
    stream.end();

    const { code, messages } = await outcome;
    expect(code).toBe(status.OK);
    expect(messages.map(String)).toEqual(Array.from({ length: 50 }, (_, at) => `${at}`));
    expect(gateway.harness.gateway.bufferedBytes).toBe(0);
  });
});

it('without a policy the gateway drops what clients say of themselves', async () => {
  gateway = await DocumentGateway.start({ 'all.yaml': routeTo('v1') });

  await gateway.harness.client().unary('x', {
    metadata: metadataOf({ 'raftway-identity-principal': 'root', 'x-mine': 'kept' }),
  });

  const [seen] = gateway.backends[0]?.metadata ?? [];
  expect(seen?.get('raftway-identity-principal')).toEqual([]);
  expect(seen?.get('x-mine')).toEqual(['kept']);
});

describe('a call is refused with UNAUTHENTICATED, and nothing is sent', () => {
  it('without a token', async () => {
    await start();

    const { code, trailers, details } = await gateway.harness.client().unary('x');

    expect(code).toBe(status.UNAUTHENTICATED);
    expect(details).toContain('authorization: Bearer');
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'CREDENTIALS_MISSING',
      metadata: { policy: 'SecurityPolicy default/edge' },
    });
    expect(trailers.get('www-authenticate')).toEqual(['Bearer realm="raftway"']);
    expect(gateway.calls()).toEqual([0, 0, 0]);
    expect(await resultsOf()).toContain('result="credentials_missing"} 1');
  });

  const past = (seconds: number): number => Math.floor(Date.now() / 1000) - seconds;
  const encoded = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  it.each<[why: string, what: string, make: () => Promise<string> | string]>([
    ['expired', 'that has expired', () => issuer.token({ exp: past(60) })],
    ['no_expiry', 'that never expires', () => issuer.token({ exp: undefined })],
    ['not_yet_valid', 'of tomorrow', () => issuer.token({ nbf: past(-86_400) })],
    ['audience', 'for somebody else', () => issuer.token({ aud: ['other', 'more'] })],
    ['issuer_unknown', 'of somebody else', () => issuer.token({ iss: 'https://evil.test' })],
    ['issuer_unknown', 'of nobody', () => issuer.token({ iss: undefined })],
    ['malformed', 'that is none', () => 'not-a-token'],
    ['too_long', 'that is very long', () => 'x'.repeat(20_000)],
    [
      'signature',
      'whose claims were changed',
      async () => {
        const [head, body = '', signature] = (await issuer.token()).split('.');
        const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
        return [head, encoded({ ...claims, sub: 'root' }), signature].join('.');
      },
    ],
    [
      'key_unknown',
      'of another key',
      async () => {
        const other = new TokenIssuer();
        await other.addKey('unpublished');
        return other.token();
      },
    ],
    [
      'signature',
      'of another key with the name of a good one',
      async () => {
        const other = new TokenIssuer();
        await other.addKey('first');
        return other.token();
      },
    ],
    [
      'algorithm',
      'signed with the public key as a secret',
      async () => {
        const [, body] = (await issuer.token()).split('.');
        const head = encoded({ alg: 'HS256', kid: 'first' });
        const secret = JSON.stringify(issuer.keys[0]?.publicJwk);
        const mac = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url');
        return `${head}.${body}.${mac}`;
      },
    ],
    [
      'algorithm',
      'without a signature',
      async () => `${encoded({ alg: 'none' })}.${(await issuer.token()).split('.')[1]}.`,
    ],
    [
      'algorithm',
      'of an algorithm that the policy does not list',
      async () => {
        await issuer.addKey('ps', 'PS256');
        return issuer.token({}, 'ps');
      },
    ],
  ])('%s: with a token %s', async (why, _what, make) => {
    await start();
    const token = await make();

    const { code, trailers, details } = await call(token);

    expect(code).toBe(status.UNAUTHENTICATED);
    expect(errorInfo(trailers)).toMatchObject({ reason: 'TOKEN_INVALID', metadata: { why } });
    expect(trailers.get('www-authenticate')).toEqual([
      'Bearer realm="raftway", error="invalid_token"',
    ]);
    const told = JSON.stringify([details, errorInfo(trailers)]);
    expect(told).not.toContain(token.slice(0, 12));
    expect(gateway.calls()).toEqual([0, 0, 0]);
  });

  it('with two tokens', async () => {
    await start();
    await gateway.change('all.yaml', documents().replace('jwt: {', 'jwt: { header: x-token,'));
    const metadata = metadataOf({ 'x-token': await issuer.token() });
    const one = await gateway.harness.client().unary('x', { metadata });
    metadata.add('x-token', await issuer.token({ sub: 'bob' }));

    const two = await gateway.harness.client().unary('x', { metadata });

    expect(one.code).toBe(status.OK);
    expect(errorInfo(two.trailers)?.metadata).toMatchObject({ why: 'several' });
  });
});

describe('keys', () => {
  it('that are new are fetched for a token that names them, and made up ones cost one fetch', async () => {
    await start({ keys: `url: "${issuer.url}", cooldown: 1ms` });
    expect(await isOk(await issuer.token())).toBe(true);
    await issuer.addKey('second');

    const rotated = await isOk(await issuer.token({}, 'second'));

    expect(rotated).toBe(true);
    expect(await isOk(await issuer.token({}, 'first'))).toBe(true);
    await gateway.change('all.yaml', documents({ keys: `url: "${issuer.url}", cooldown: 1h` }));
    await until(await issuer.token(), true);
    const { fetches } = issuer;
    const other = new TokenIssuer();
    for (let at = 0; at < 20; at += 1) {
      await other.addKey(`made-up-${at}`);
      expect(await isOk(await other.token())).toBe(false);
    }
    expect(issuer.fetches - fetches).toBeLessThanOrEqual(1);
  });

  it('that the issuer has withdrawn end tokens that were good', async () => {
    await start({ keys: `url: "${issuer.url}", refresh: 50ms` });
    const token = await issuer.token();
    expect(await isOk(token)).toBe(true);

    issuer.keys.splice(0);
    await issuer.addKey('next');

    await until(token, false);
    expect(await isOk(await issuer.token())).toBe(true);
  });

  it('of an issuer that is away go on, for new tokens, too', async () => {
    await start({ keys: `url: "${issuer.url}", refresh: 20ms, cooldown: 20ms` });
    expect(await isOk(await issuer.token())).toBe(true);

    await issuer.close();
    const failed = async (): Promise<number> =>
      Number(
        /keys_loads_total\{result="failed"\} (\d+)/.exec(await gateway.harness.metrics.text())?.[1],
      );
    let failures = 0;
    await eventually(() => {
      void failed().then((count) => (failures = count));
      return failures >= 3;
    }, 'three fetches that failed');

    expect(await isOk(await issuer.token({ sub: 'bob' }))).toBe(true);
    issuer.answer = { status: 200, body: '{"keys": []}' };
    await issuer.listen();
    const before = issuer.fetches;
    await eventually(() => issuer.fetches > before + 1, 'fetches of a set without keys');
    expect(await isOk(await issuer.token({ sub: 'carol' }))).toBe(true);
  });

  it('that were never there refuse every call, until they are', async () => {
    issuer.answer = { status: 500, body: '' };
    await start({ keys: `url: "${issuer.url}", cooldown: 20ms` });
    const token = await issuer.token();

    const { code, trailers } = await call(token);

    expect(code).toBe(status.UNAVAILABLE);
    expect(errorInfo(trailers)?.reason).toBe('SECURITY_NOT_LOADED');
    expect(await gateway.harness.metrics.text()).toContain('security_policies_unloaded 1');
    expect(gateway.calls()).toEqual([0, 0, 0]);
    issuer.answer = undefined;
    await until(token, true);
  });

  it.each([
    ['is too large', () => ({ status: 200, body: ' '.repeat(1_100_000) + issuer.jwks })],
    ['is no JSON', () => ({ status: 200, body: '<html>' })],
    ['is somewhere else', () => ({ status: 302, body: '' })],
    ['has secrets only', () => ({ status: 200, body: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}' })],
  ])('are not taken from an answer that %s', async (_what, answer) => {
    issuer.answer = answer();
    await start();

    const { trailers } = await call(await issuer.token());

    expect(errorInfo(trailers)?.reason).toBe('SECURITY_NOT_LOADED');
  });

  it('of a file that is bad let nothing through, until it is good', async () => {
    await start();
    const path = join(gateway.directory, 'keys.jwks');
    writeFileSync(path, '{"keys":');
    await gateway.change('all.yaml', documents({ keys: `file: "${path}", cooldown: 1ms` }));
    const token = await issuer.token();

    const { trailers } = await call(token);
    writeFileSync(path, issuer.jwks);

    expect(errorInfo(trailers)?.reason).toBe('SECURITY_NOT_LOADED');
    expect(gateway.calls()).toEqual([0, 0, 0]);
    await until(token, true);
  });

  it('may stand in the document', async () => {
    await start({ keys: `inline: ${issuer.jwks}` });

    expect(await isOk(await issuer.token())).toBe(true);
    expect(issuer.fetches).toBe(0);
  });

  it('are kept when a policy is changed while the issuer is away', async () => {
    await start();
    const token = await issuer.token();
    expect(await isOk(token)).toBe(true);
    await issuer.close();

    const more = ', rules: [{ name: alice, principals: [{ jwt: { subject: alice } }] }]';
    await gateway.change('all.yaml', documents({ more }));

    expect(await isOk(token)).toBe(true);
    const bob = await call(await issuer.token({ sub: 'bob' }));
    expect(errorInfo(bob.trailers)?.reason).toBe('ACCESS_DENIED');
  });
});
