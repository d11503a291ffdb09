import { connect } from 'node:net';
import { once } from 'node:events';
import { Aggregation, document } from './support/aggregation';
import { eventually } from './support/harness';
import { keyOf, keys } from './support/secured';

let world: Aggregation;
afterEach(() => world.close());

/** A composite of both services, in short. @param echo further fields of its second part @param more of all of it */
function overview(echo = '', say = 'say ${query.say}', more = ''): string {
  return document(
    'CompositeRoute',
    'overview',
    `  path: /v1/overview/{name}
${more}  parts:
    - { name: greeting, call: helloworld.Greeter/SayHello, request: { name: '\${path.name}' } }
    - { name: echo, call: test.Echo/Unary, request: { text: '${say}' }${echo} }`,
  );
}

/** One whose echo is what the query says. */
function echoing(echo: string, more = ''): string {
  return overview(echo, '${query.say}', more);
}

const optionalEcho = echoing(', optional: true');

const requests = (result: string): string =>
  `composite_requests_total{route="default/overview",result="${result}"}`;
const parts = (part: string, result: string): string =>
  `composite_parts_total{route="default/overview",part="${part}",result="${result}"}`;

describe('a composite route', () => {
  it('answers with what several methods answer, called at one time', async () => {
    world = await Aggregation.start(overview());

    const answer = await world.get('/v1/overview/W%C3%B6rld?say=hi', {
      headers: { authorization: 'Bearer x' },
    });

    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.text()).toBe(
      '{"greeting":{"message":"Hello, Wörld!"},"echo":{"text":"say hi"}}\n',
    );
    expect(world.greetings).toEqual([{ name: 'Wörld', seen: 'Bearer x' }]);
    expect(world.echo.metadata[0]?.get('authorization')).toEqual(['Bearer x']);
    expect(await world.count(requests('complete'))).toBe(1);
    expect(await world.count(parts('echo', 'called'))).toBe(1);
    // Neither waits for the other: the one that has no answer does not keep the other from being called.
    const gone = new AbortController();
    const waiting = world.get('/v1/overview/slow?say=hi', { signal: gone.signal });
    await eventually(() => world.echo.calls === 2, 'the echo beside a greeting that does not come');
    gone.abort();
    await expect(waiting).rejects.toThrow();
  });

  it('comes before the routes of requests', async () => {
    const route = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: all }
spec: { rules: [{ backendRefs: [{ name: greeter }] }] }
`;
    world = await Aggregation.start(overview() + route);

    expect(await world.outcome(world.get('/v1/overview/a?say=hi'))).toEqual([
      200,
      { greeting: { message: 'Hello, a!' }, echo: { text: 'say hi' } },
    ]);
  });

  it('does without a part that need not be there, and says why it is not', async () => {
    world = await Aggregation.start(optionalEcho);

    expect(await world.outcome(world.get('/v1/overview/a?say=fail'))).toEqual([
      200,
      {
        greeting: { message: 'Hello, a!' },
        echo: null,
        errors: { echo: { code: 10, message: 'no echo', details: [] } },
      },
    ]);
    expect(await world.count(requests('partial'))).toBe(1);
    expect(await world.count(parts('echo', 'failed'))).toBe(1);
  });

  it('waits for such a part as long as it says, and then lets its instance know', async () => {
    world = await Aggregation.start(echoing(', optional: true, timeout: 100ms'));

    expect(await world.outcome(world.get('/v1/overview/a?say=slow'))).toMatchObject([
      200,
      { greeting: { message: 'Hello, a!' }, echo: null, errors: { echo: { code: 4 } } },
    ]);
    await eventually(() => world.echo.cancelled === 1, 'a cancelled echo');
  });

  it('answers with what there is when the time for all of it is up', async () => {
    world = await Aggregation.start(echoing(', optional: true', '  timeout: 100ms\n'));

    expect(await world.outcome(world.get('/v1/overview/a?say=slow'))).toMatchObject([
      200,
      { greeting: { message: 'Hello, a!' }, echo: null, errors: { echo: { code: 4 } } },
    ]);
    expect(await world.outcome(world.get('/v1/overview/slow?say=a'))).toMatchObject([
      504,
      {
        code: 4,
        message: expect.stringMatching(/^part greeting: the deadline of [\d.]+ ms/) as string,
      },
    ]);
    await eventually(() => world.cancelled === 1, 'a cancelled greeting');
  });

  it('tells instances how much time there is for all of it', async () => {
    world = await Aggregation.start(echoing(', timeout: 2m', '  timeout: 1m\n'));

    expect(await world.outcome(world.get('/v1/overview/a?say=hi'))).toMatchObject([200, {}]);
    expect(Number(world.echo.deadlines[0])).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('does without a service that is dead', async () => {
    world = await Aggregation.start(optionalEcho);
    world.echo.stop();

    expect(await world.outcome(world.get('/v1/overview/a?say=a'))).toMatchObject([
      200,
      {
        greeting: { message: 'Hello, a!' },
        errors: { echo: { code: 14, message: expect.stringContaining('echo') as string } },
      },
    ]);
  });

  it('fails with the status of a part that must be there, and waits for no other', async () => {
    world = await Aggregation.start(optionalEcho);

    expect(await world.outcome(world.get('/v1/overview/fail?say=slow'))).toEqual([
      400,
      {
        code: 9,
        message: 'part greeting: nobody to greet',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'NOT_HOLDER',
            domain: 'raftway',
            metadata: { who: 'fail' },
          },
        ],
      },
    ]);
    await eventually(() => world.echo.cancelled === 1, 'a cancelled echo');
    expect(await world.count(requests('failed'))).toBe(1);
    expect(await world.count(parts('echo', 'cancelled'))).toBe(1);
  });

  it('is over for all parts when the client goes away', async () => {
    world = await Aggregation.start(optionalEcho);
    const [host = '', port] = world.harness.gateway.address.split(':');
    const socket = connect(Number(port), host);
    await once(socket, 'connect');
    socket.write('GET /v1/overview/slow?say=slow HTTP/1.1\r\nhost: x\r\n\r\n');
    await eventually(() => world.echo.calls === 1 && world.greetings.length === 1, 'both calls');

    socket.destroy();

    await eventually(() => world.echo.cancelled === 1 && world.cancelled === 1, 'both cancelled');
    await eventually(() => world.harness.gateway.bufferedBytes === 0, 'nothing that is held');
    expect(await world.count(requests('cancelled'))).toBe(1);
  });

  it('says the path in the OpenAPI document, and which methods it has', async () => {
    world = await Aggregation.start(overview());

    const [, found] = await world.outcome(world.get('/openapi.json'));
    const refused = await world.post('/v1/overview/a', '{}');

    expect(found).toMatchObject({
      paths: {
        '/v1/overview/{name}': {
          get: {
            operationId: 'overview',
            parameters: [
              { name: 'name', in: 'path' },
              { name: 'say', in: 'query' },
            ],
          },
        },
      },
    });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET']);
  });
});

/** Three parts, one after the other. */
function chain(text = '${parts.numbered.fencingToken} for ${body.to}'): string {
  return document(
    'CompositeRoute',
    'overview',
    `  path: /v1/chain
  method: POST
  parts:
    - name: numbered
      call: helloworld.Greeter/SayHelloNumbered
      request: { name: '\${body.who.name}' }
    - { name: echo, call: test.Echo/Unary, request: { text: '${text}' }, optional: true }
    - name: last
      call: test.Echo/Unary
      request: { text: '\${parts.echo.text}!' }
      optional: true`,
  );
}

describe('the parts of a composite route', () => {
  it('take values of the body, and of the answers of parts above', async () => {
    world = await Aggregation.start(chain());

    expect(
      await world.outcome(
        world.post('/v1/chain', '{"who": {"name": "a"}, "to": 9007199254740993}'),
      ),
    ).toEqual([
      200,
      {
        numbered: { message: 'a', greetingId: '7', fencingToken: '9007199254740993' },
        echo: { text: '9007199254740993 for 9007199254740993' },
        last: { text: '9007199254740993 for 9007199254740993!' },
      },
    ]);
  });

  it('are not called when a part fails whose answer they need', async () => {
    world = await Aggregation.start(chain('${body.to}'));

    expect(
      await world.outcome(world.post('/v1/chain', '{"who": {"name": "a"}, "to": "fail"}')),
    ).toMatchObject([
      200,
      {
        numbered: { message: 'a' },
        ...{ echo: null, last: null },
        errors: { echo: { code: 10 }, last: { code: 9, details: [{ reason: 'PART_SKIPPED' }] } },
      },
    ]);
    expect(world.echo.calls).toBe(1);
  });

  it('are not called for a body that is wrong', async () => {
    world = await Aggregation.start(chain(), { httpMessageBytesMax: 4096 });
    const form = 'application/x-www-form-urlencoded';
    const json = 'application/json';

    for (const [body, type, status, named] of [
      ['{"who": {"name": "a", "nick": "b"}}', json, 400, 'who.nick'],
      ['{"who": {"name": {}}}', json, 400, 'name'],
      ['{"to": "a", "to": "b"}', json, 400, 'to'],
      ['{', json, 400, 'body'],
      ['to=a', form, 415, 'content-type'],
      [`{"to": "${'x'.repeat(5000)}"}`, json, 429, 'request message bytes'],
    ] as const) {
      const [code, answer] = await world.outcome(world.post('/v1/chain', body, type));
      expect([code, JSON.stringify(answer)]).toEqual([status, expect.stringContaining(named)]);
    }
    expect([world.greetings.length, world.echo.calls]).toEqual([0, 0]);
    expect(world.harness.gateway.bufferedBytes).toBe(0);
  });

  it('are not called for a parameter that nobody takes', async () => {
    world = await Aggregation.start(overview());

    expect(await world.outcome(world.get('/v1/overview/a?say=b&sya=c'))).toMatchObject([
      400,
      { code: 3, details: [{ metadata: { field: 'sya' } }, {}] },
    ]);
    expect(world.echo.calls).toBe(0);
  });

  it('may not answer more than one message may have, all together', async () => {
    world = await Aggregation.start(
      optionalEcho +
        document(
          'TranscodePolicy',
          'small',
          `  targetRefs: [{ kind: CompositeRoute, name: overview }]\n  messageBytesMax: 60`,
        ),
    );

    expect(await world.outcome(world.get(`/v1/overview/a?say=${'x'.repeat(45)}`))).toMatchObject([
      200,
      {
        greeting: { message: 'Hello, a!' },
        errors: {
          echo: {
            code: 8,
            details: [{ metadata: { limit: '60', owner: 'TranscodePolicy default/small' } }],
          },
        },
      },
    ]);
  });

  it('fail while their method is not known', async () => {
    world = await Aggregation.start(
      overview(', optional: true').replace('test.Echo/Unary', 'a.B/C'),
    );

    expect(await world.outcome(world.get('/v1/overview/a'))).toMatchObject([
      200,
      {
        greeting: { message: 'Hello, a!' },
        errors: { echo: { code: 14, details: [{ reason: 'PART_NOT_CALLABLE' }, {}] } },
      },
    ]);
  });
});

/** Only callers with a key reach the echo. */
const secured = `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: echo }
spec: { rules: [{ matches: [{ method: { service: test.Echo } }], backendRefs: [{ name: echo }] }] }
${document(
  'SecurityPolicy',
  'echo',
  `  targetRefs: [{ kind: GRPCRoute, name: echo }]\n  apiKeys: { ${keys('a', 'b')} }`,
)}`;

describe('a caller whom the policy of a part refuses', () => {
  it.each([['called'], ['kept']])('is told what would do, where its answer is %s', async (how) => {
    const cache = how === 'kept' ? ', cache: { ttl: 1m }' : '';
    world = await Aggregation.start(overview(cache) + secured);

    const answer = await world.get('/v1/overview/a?say=hi');

    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(
      'ApiKey realm="raftway", header="x-api-key"',
    );
    expect(await answer.json()).toMatchObject({ code: 16 });
    expect(world.echo.calls).toBe(0);
  });
});

describe('answers that are kept', () => {
  const cached = (cache: string): string => overview(`, optional: true, cache: { ${cache} }`);
  const ask = (say: string, authorization = 'a'): Promise<[number, unknown]> =>
    world.outcome(world.get(`/v1/overview/a?say=${say}`, { headers: { authorization } }));

  it('are given again to the same request of the same caller, for their time', async () => {
    world = await Aggregation.start(cached('ttl: 2s'));

    const first = await ask('hi');
    expect(await ask('hi')).toEqual(first);
    expect(world.echo.calls).toBe(1);
    expect(await world.count(parts('echo', 'kept'))).toBe(1);
    expect(world.greetings).toHaveLength(2);

    await ask('other');
    await ask('hi', 'b');
    expect(world.echo.calls).toBe(3);
    expect(world.harness.gateway.bufferedBytes).toBeGreaterThan(0);
    await eventually(() => world.harness.gateway.bufferedBytes === 0, 'nothing that is kept');
    await ask('hi');
    expect(world.echo.calls).toBe(4);
  });

  it('are given to all callers when no header counts', async () => {
    world = await Aggregation.start(cached('ttl: 1m, keyHeaders: []'));

    expect(await ask('hi')).toEqual(await ask('hi', 'b'));
    expect(world.echo.calls).toBe(1);
  });

  it('are of each caller, who is judged before, where a SecurityPolicy holds', async () => {
    world = await Aggregation.start(cached('ttl: 1m, keyHeaders: []') + secured);
    const as = (id: string): Promise<[number, unknown]> =>
      world.outcome(
        world.get('/v1/overview/a?say=hi', {
          headers: id === '' ? {} : { 'x-api-key': keyOf(id) },
        }),
      );
    const answer = { greeting: { message: 'Hello, a!' }, echo: { text: 'say hi' } };

    expect(await as('a')).toEqual([200, answer]);
    expect(await as('a')).toEqual([200, answer]);
    expect(world.echo.calls).toBe(1);
    expect(await world.count(parts('echo', 'kept'))).toBe(1);

    expect(await as('b')).toEqual([200, answer]);
    expect(world.echo.calls).toBe(2);
    for (const id of ['', 'stranger'])
      expect(await as(id)).toMatchObject([200, { echo: null, errors: { echo: { code: 16 } } }]);
    expect(world.echo.calls).toBe(2);
    expect(world.echo.metadata.map((one) => one.get('raftway-identity-principal'))).toEqual([
      ['a'],
      ['b'],
    ]);
  });

  it('do not grow beyond their bytes', async () => {
    world = await Aggregation.start(cached('ttl: 1m, maxBytes: 1024, keyHeaders: []'));
    const long = 'x'.repeat(400);

    for (const say of ['1', '2', '3']) await ask(say + long);
    await ask(`3${long}`);
    await ask(`1${long}`);
    await ask('y'.repeat(2000));
    await ask('y'.repeat(2000));

    expect(world.echo.calls).toBe(6);
    await eventually(() => world.harness.gateway.bufferedBytes <= 1024, 'no more than 1024 bytes');
  });

  it('are one call for requests at one time, which ends with the last of them', async () => {
    world = await Aggregation.start(echoing(', cache: { ttl: 1m }'));
    const clients = [1, 2, 3].map(() => new AbortController());
    const waiting = clients.map(({ signal }) => world.get('/v1/overview/a?say=slow', { signal }));
    const ended = Promise.allSettled(waiting);
    await eventually(() => world.greetings.length === 3, 'three requests');
    expect(world.echo.calls).toBe(1);

    clients.slice(1).forEach((client) => client.abort());
    const cancelled = (): Promise<number> => world.count(requests('cancelled'));
    let count = 0;
    await eventually(() => {
      void cancelled().then((now) => (count = now));
      return count === 2;
    }, 'two that are gone');
    expect(world.echo.cancelled).toBe(0);
    clients[0]?.abort();

    await eventually(() => world.echo.cancelled === 1, 'a cancelled echo');
    await ended;
  });

  it('are no failures', async () => {
    world = await Aggregation.start(echoing(', optional: true, cache: { ttl: 1m }'));

    await ask('fail');
    await ask('fail');
    expect(world.echo.calls).toBe(2);
  });
});
