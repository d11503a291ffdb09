import * as grpc from '@grpc/grpc-js';
import { type EchoClient, type Outcome } from './support/echo-backend';
import { faultOf, ruleOf, TrafficGateway } from './support/traffic';

let gateway: TrafficGateway;
afterEach(() => gateway.close());

const three = { 'shop/a': {}, 'shop/b': {}, 'shop/c': {} };
const byHeader = (more = '', backends = '{ name: shop }'): string =>
  `backendRefs: [${backends}], sessionPersistence: { type: Header, sessionName: X-Cart${more} }`;
const outcome = (name: string): string => `session_calls_total{service="shop",outcome="${name}"}`;

function servedBy({ code, trailers }: Outcome): string {
  return code === 0 ? String(trailers.get('served-by')[0]) : `status ${code}`;
}

function tokenOf({ initial }: Outcome): string {
  return String(initial.get('x-cart')[0] ?? '');
}

async function call(client: EchoClient, token?: string): Promise<Outcome> {
  const metadata = new grpc.Metadata();
  if (token !== undefined) metadata.set('x-cart', token);
  return client.unary('x', { metadata });
}

/** Who answers calls with a token. */
async function servers(
  client: EchoClient,
  token: string | undefined,
  count = 6,
): Promise<string[]> {
  const names = new Set<string>();
  for (let made = 0; made < count; made += 1) names.add(servedBy(await call(client, token)));
  return [...names].sort();
}

describe('a session in a header', () => {
  it('keeps the calls that carry its token at one instance; calls without go anywhere', async () => {
    gateway = await TrafficGateway.start(ruleOf(byHeader()), three);
    const client = gateway.harness.client();

    const first = await call(client);
    const token = tokenOf(first);
    const again = await call(client, token);

    expect(token).toMatch(/^[\w-]{55}$/);
    expect(await servers(client, token)).toEqual([servedBy(first)]);
    expect(tokenOf(again)).toBe('');
    expect(await servers(client, undefined)).toEqual(['shop/a', 'shop/b', 'shop/c']);
    expect(await gateway.count(outcome('kept'))).toBe(7);
    expect(await gateway.count(outcome('begun'))).toBe(7);
  });

  it('is renewed with each call when it may be idle for a time only', async () => {
    gateway = await TrafficGateway.start(ruleOf(byHeader(', idleTimeout: 1h30m')), three);
    const client = gateway.harness.client();

    const first = await call(client);
    const second = await call(client, tokenOf(first));

    expect(tokenOf(second)).toMatch(/^[\w-]{55}$/);
    expect(servedBy(second)).toBe(servedBy(first));
  });

  it.each([
    ['nonsense', () => 'nonsense'],
    ['one with another signature', (token: string) => token.slice(0, -3) + 'AAA'],
    [
      'one that was changed',
      (token: string) => `${token.slice(0, 10)}${token[10] === 'A' ? 'B' : 'A'}${token.slice(11)}`,
    ],
  ])('that is %s leads nowhere, and is replaced', async (_what, change) => {
    gateway = await TrafficGateway.start(ruleOf(byHeader()), three);
    const client = gateway.harness.client();
    const token = change(tokenOf(await call(client)));

    const answer = await call(client, token);

    expect(answer.code).toBe(0);
    expect(tokenOf(answer)).toMatch(/^[\w-]{55}$/);
    expect(await servers(client, token)).toEqual(['shop/a', 'shop/b', 'shop/c']);
    expect(await gateway.count(outcome('invalid'))).toBe(7);
  });

  it('of one rule means nothing to another, although both lead to the same instances', async () => {
    const other = ruleOf(
      `matches: [{ headers: [{ name: other, value: '1' }] }], ${byHeader()}`,
      'other',
    );
    gateway = await TrafficGateway.start(ruleOf(byHeader()) + other, three);
    const client = gateway.harness.client();
    const metadata = new grpc.Metadata();
    metadata.set('x-cart', tokenOf(await call(client)));
    metadata.set('other', '1');

    const answer = await client.unary('x', { metadata });

    expect(tokenOf(answer)).toMatch(/^[\w-]{55}$/);
    expect(await gateway.count(outcome('invalid'))).toBe(1);
  });

  it('stays at its instance when the backend gets no new ones; those go elsewhere', async () => {
    const backends = (old: number): string =>
      ruleOf(byHeader('', `{ name: v1, weight: ${old} }, { name: v2, weight: ${1 - old} }`));
    gateway = await TrafficGateway.start(backends(1));
    const client = gateway.harness.client();
    const token = tokenOf(await call(client));

    await gateway.change(backends(0));
    const during = await servers(client, token);
    const fresh = await servers(client, undefined);
    gateway.register('v2');

    expect([during, fresh]).toEqual([['v1'], ['v2']]);
    expect(await servers(client, token)).toEqual(['v2']);
  });

  it('moves within its backend when its instance is gone, as long as that gets new ones', async () => {
    const shares = byHeader('', '{ name: shop, weight: 1 }, { name: v2, weight: 1000000 }');
    gateway = await TrafficGateway.start(ruleOf(byHeader()), { ...three, v2: {} });
    const client = gateway.harness.client();
    const first = await call(client);
    await gateway.change(ruleOf(shares));

    gateway.register(...[...Object.keys(three), 'v2'].filter((name) => name !== servedBy(first)));
    const moved = await call(client, tokenOf(first));

    expect(servedBy(await call(client))).toBe('v2');
    expect(servedBy(moved)).toMatch(/^shop/);
    expect(await servers(client, tokenOf(moved))).toEqual([servedBy(moved)]);
  });
});

describe('#1 and #8 instances that come and go', () => {
  it('a session moves when its instance drains, and no call fails', async () => {
    gateway = await TrafficGateway.start(ruleOf(byHeader()), three);
    const client = gateway.harness.client();
    const first = await call(client);
    const home = servedBy(first);
    const others = Object.keys(three).filter((name) => name !== home);

    gateway.register(...others);
    const moved = await call(client, tokenOf(first));
    gateway.register(...Object.keys(three));

    expect(others).toContain(servedBy(moved));
    expect(await servers(client, tokenOf(moved))).toEqual([servedBy(moved)]);
    expect(await gateway.count(outcome('moved'))).toBe(1);
  });

  it('a new instance gets new sessions from the next call on', async () => {
    gateway = await TrafficGateway.start(ruleOf(byHeader()), three);
    const client = gateway.harness.client();
    gateway.register('shop/a');
    const first = await call(client);

    gateway.register('shop/a', 'shop/b');

    expect(await servers(client, undefined)).toEqual(['shop/a', 'shop/b']);
    expect(await servers(client, tokenOf(first))).toEqual(['shop/a']);
  });
});

describe('#12 an instance that is down', () => {
  it('loses its sessions to others, without a failed call', async () => {
    gateway = await TrafficGateway.start(ruleOf(byHeader()), three);
    const client = gateway.harness.client();
    const first = await call(client);

    gateway.backend(servedBy(first)).stop();
    const moved = await call(client, tokenOf(first));

    expect(moved.code).toBe(0);
    expect(servedBy(moved)).not.toBe(servedBy(first));
    expect(tokenOf(moved)).toMatch(/^[\w-]{55}$/);
  });

  it('hands a call that may run twice on to another one, and the session with it', async () => {
    let failing = '';
    const instance = (name: string) => ({
      Unary: (_call: unknown, done: grpc.sendUnaryData<Buffer>) => {
        if (name === failing) return done({ code: grpc.status.UNAVAILABLE, details: 'no' });
        const trailers = new grpc.Metadata();
        trailers.set('served-by', name);
        done(null, Buffer.alloc(0), trailers);
      },
    });
    gateway = await TrafficGateway.start(
      ruleOf(byHeader()),
      Object.fromEntries(Object.keys(three).map((name) => [name, instance(name)])),
    );
    const client = gateway.harness.client();
    const first = await call(client);
    failing = servedBy(first);
    const metadata = new grpc.Metadata();
    metadata.set('x-cart', tokenOf(first));

    const once = await client.unary('x', { metadata });
    metadata.set('raftway-retryable', 'true');
    const moved = await client.unary('x', { metadata });

    expect([once.code, tokenOf(once)]).toEqual([grpc.status.UNAVAILABLE, '']);
    expect(moved.code).toBe(0);
    expect(servedBy(moved)).not.toBe(failing);
    expect(await servers(client, tokenOf(moved))).toEqual([servedBy(moved)]);
  });
});

describe('a session in a cookie', () => {
  const byCookie = (more: string): string =>
    ruleOf(`backendRefs: [{ name: shop }], sessionPersistence: { ${more} }`);
  const post = (cookie?: string): Promise<Response> =>
    fetch(`http://${gateway.harness.gateway.address}/test.Echo/Unary`, {
      method: 'POST',
      headers: { 'content-type': 'application/proto', ...(cookie === undefined ? {} : { cookie }) },
      body: 'x',
    });

  it('is set and read over HTTP, among other cookies', async () => {
    gateway = await TrafficGateway.start(byCookie('sessionName: cart'), three);

    const first = await post();
    const [cookie = ''] = first.headers.getSetCookie();
    const pair = cookie.split(';')[0] ?? '';
    const names = new Set<string | null>();
    for (let made = 0; made < 6; made += 1)
      names.add((await post(`a=b; cart=old; ${pair}; c=d`)).headers.get('trailer-served-by'));

    expect(cookie).toMatch(/^cart=[\w-]{55}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect([...names]).toEqual([first.headers.get('trailer-served-by')]);
  });

  it('lasts as long as the document says, and has a name of its own without one', async () => {
    gateway = await TrafficGateway.start(
      byCookie('absoluteTimeout: 1h, cookieConfig: { lifetimeType: Permanent }'),
      three,
    );

    const [cookie = ''] = (await post()).headers.getSetCookie();

    expect(cookie).toMatch(
      /^raftway-session-[0-9a-f]{8}=[\w-]{55}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=3600$/,
    );
  });

  it('is kept by HTTPRoutes, too, which copy calls and have faults as GRPCRoutes do', async () => {
    const asHttp = (text: string): string => text.replaceAll('GRPCRoute', 'HTTPRoute');
    const rule = byCookie('sessionName: cart').replace(
      'backendRefs',
      'filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: v2 } } }], backendRefs',
    );
    gateway = await TrafficGateway.start(
      asHttp(rule + faultOf('abort: { code: ABORTED }, headers: [{ name: cookie, value: a=b }]')),
      { ...three, v2: {} },
    );

    const first = await post();
    const [cookie = ''] = first.headers.getSetCookie();
    const names = new Set<string | null>();
    for (let made = 0; made < 4; made += 1)
      names.add((await post(cookie.split(';')[0])).headers.get('trailer-served-by'));
    const failed = await post('a=b');

    expect([...names]).toEqual([first.headers.get('trailer-served-by')]);
    expect(failed.status).toBe(409);
    await gateway.counted('mirrored_calls_total{service="v2",outcome="ok"}', 5);
  });

  it('is a header of the answer also when that is an error', async () => {
    const failing = {
      Unary: (_call: unknown, done: grpc.sendUnaryData<Buffer>) =>
        done({ code: grpc.status.NOT_FOUND, details: 'no' }),
    };
    gateway = await TrafficGateway.start(byCookie('sessionName: cart'), { 'shop/a': failing });
    const url = `http://${gateway.harness.gateway.address}/test.Echo/Unary`;
    const web = { 'content-type': 'application/grpc-web+proto' };

    const connect = await post();
    const grpcWeb = await fetch(url, { method: 'POST', headers: web, body: Buffer.alloc(5) });

    expect(connect.status).toBe(404);
    expect(connect.headers.getSetCookie()).toHaveLength(1);
    expect(grpcWeb.headers.getSetCookie()).toHaveLength(1);
    expect(await grpcWeb.text()).toContain('grpc-status: 5');
  });
});
