import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { Client, credentials, type ServiceError as GrpcError } from '@grpc/grpc-js';
import { helloworld } from '@raftway/contracts';
import { Code, ServiceError } from '@raftway/errors';
import { createLogger, createMetrics } from '@raftway/observability';
import { type ClientAuth, TlsSource } from '@raftway/tls';
import { TestAuthority, type TestFiles } from '@raftway/tls/testing';
import { createClient } from '../client/create-client';
import { channelCredentials, setDefaultClientTls } from '../client/tls-credentials';
import { implementService } from '../rpc/implement-service';
import { createServer } from '../server/create-server';
import { openClientTls, openTls } from './open-tls';

const REFUSAL_TIMEOUT_MS = 20_000;
let authority: TestAuthority;
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => authority.remove());

const greeter = implementService(helloworld.GreeterService, {
  sayHello: async ({ name }) => ({ message: `Hello, ${name}!` }),
  sayHelloStreamReply: async function* () {},
  sayHelloClientStream: async () => ({ message: '' }),
  sayHelloBidiStream: async function* (requests) {
    for await (const { name } of requests) yield { message: `Hello, ${name}!` };
  },
  sayHelloNumbered: async () => {
    throw new Error('not in these specs');
  },
});

/** A greeter with TLS, its files, its log lines and its metrics. */
async function serve(tlsClientAuth: ClientAuth, files?: TestFiles) {
  const own = files ?? (await authority.issue());
  const lines: string[] = [];
  const logger = createLogger({ name: 'greeter', write: (line) => void lines.push(line) });
  const metrics = createMetrics({ processMetrics: false });
  const options = { ...optionsOf(own), tlsClientAuth };
  const tls = await openTls(options, { logger, metrics, checkIntervalMs: 3_600_000 });
  const server = createServer({
    name: 'greeter',
    httpBind: '127.0.0.1:0',
    services: [greeter],
    drainDelayMs: 0,
    drainTimeoutMs: 1000,
    logger,
    metrics,
    tls,
  });
  await server.start();
  cleanups.push(async () => {
    tls?.source.close();
    await server.stop();
  });
  return { server, files: own, lines, metrics, source: tls?.source as TlsSource };
}

function optionsOf({ ca, identity }: TestFiles) {
  return { tlsCa: ca, tlsCert: identity.certificate, tlsKey: identity.privateKey };
}

/** What a client says that is given these certificates. */
async function greet(target: string, tls?: TlsSource): Promise<string> {
  const settings = { tls, attemptsMax: 1, shareChannel: false };
  const client = createClient(helloworld.GreeterService, target, settings);
  try {
    return (await client.sayHello({ name: 'Ada' }, { timeoutMs: 5000 })).message;
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== Code.unavailable) throw error;
    return `UNAVAILABLE ${error.message}`;
  } finally {
    client.close();
  }
}

async function open(files: { ca: string; cert?: string; key?: string }): Promise<TlsSource> {
  const source = (await openClientTls(files)) as TlsSource;
  cleanups.push(() => source.close());
  return source;
}

function openWith({ ca, identity }: TestFiles): Promise<TlsSource> {
  return open({ ca, cert: identity.certificate, key: identity.privateKey });
}

/** The line that says that somebody was refused. */
async function refusal(lines: readonly string[]): Promise<Record<string, string>> {
  const deadline = performance.now() + REFUSAL_TIMEOUT_MS;
  for (;;) {
    const line = lines.find((one) => one.includes('connection refused'));
    if (line !== undefined) return JSON.parse(line) as Record<string, string>;
    if (performance.now() > deadline) throw new Error(`no refusal within ${REFUSAL_TIMEOUT_MS} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('over mutual TLS', () => {
  it('a client of ours calls a service', async () => {
    const { server } = await serve('require');

    expect(await greet(server.address, await openWith(await authority.issue()))).toBe(
      'Hello, Ada!',
    );
  });

  it('a client of grpc-js with its own credentials does', async () => {
    const { server, files } = await serve('require');
    const [ca, key, certificate] = [
      files.ca,
      files.identity.privateKey,
      files.identity.certificate,
    ].map((path) => readFileSync(path)) as [Buffer, Buffer, Buffer];
    const target = server.address.replace('127.0.0.1', 'localhost');
    const client = new Client(target, credentials.createSsl(ca, key, certificate));
    cleanups.push(() => client.close());
    const { sayHello } = helloworld.GreeterService;

    const reply = await new Promise<helloworld.HelloReply>((resolve, reject) => {
      client.makeUnaryRequest(
        sayHello.path,
        (request: helloworld.HelloRequest) => sayHello.requestSerialize(request),
        (bytes) => sayHello.responseDeserialize(bytes),
        { name: 'Ada' },
        (error: GrpcError | null, answer) => {
          if (error === null) resolve(answer as helloworld.HelloReply);
          else reject(error);
        },
      );
    });

    expect(reply.message).toBe('Hello, Ada!');
  });

  it('the HTTP probes stay plain, and the metrics say when the certificate expires', async () => {
    const { server, source } = await serve('require');

    expect(await read(`http://${server.httpAddress}/livez`)).toContain('"alive":true');
    expect(await read(`http://${server.httpAddress}/readyz`)).toContain('"ready":true');
    expect(await read(`http://${server.httpAddress}/metrics`)).toContain(
      `raftway_tls_certificate_expiry_seconds ${(source.current.expiresAtMs ?? 0) / 1000}\n`,
    );
  });

  it('one of several addresses of a list has to be named by the certificate', async () => {
    const files = await authority.issue({ names: ['registry-1', '127.0.0.1'] });
    const { server } = await serve('none', files);
    const tls = await open({ ca: files.ca });

    expect(await greet(`nobody.invalid:1,${server.address}`, tls)).toBe('Hello, Ada!');
  });

  it('a tool sets its certificates once for all that it dials', async () => {
    const { server } = await serve('require');
    setDefaultClientTls(await openWith(await authority.issue()));
    cleanups.push(() => setDefaultClientTls(undefined));

    expect(await greet(server.address)).toBe('Hello, Ada!');
  });
});

describe('a caller gets UNAVAILABLE and the reason, and the server logs one line', () => {
  it('when it trusts another CA', async () => {
    const { server } = await serve('none');
    const other = await TestAuthority.create('Another');
    cleanups.push(() => other.remove());

    const answer = await greet(server.address, await open({ ca: (await other.issue()).ca }));

    expect(answer).toMatch(/^UNAVAILABLE .*the server's certificate is not signed by the CA/);
  });

  it('when the certificate is for another host', async () => {
    const files = await authority.issue({ names: ['elsewhere'] });
    const { server } = await serve('none', files);

    expect(await greet(server.address, await open({ ca: files.ca }))).toMatch(
      /^UNAVAILABLE .*IP: 127\.0\.0\.1 is not in the cert's list/,
    );
  });

  it('when it has no certificate', async () => {
    const { server, files, lines } = await serve('require');

    const answer = await greet(server.address, await open({ ca: files.ca }));

    expect(answer).toMatch(/^UNAVAILABLE .*the server wants a client certificate/);
    expect(await refusal(lines)).toMatchObject({
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      reason: expect.stringMatching(/^it has no client certificate/) as string,
    });
  });

  it('when its certificate is of another CA', async () => {
    const { server, files, lines } = await serve('require');
    const other = await TestAuthority.create('Another');
    cleanups.push(() => other.remove());
    const { identity } = await other.issue();
    const tls = await open({ ca: files.ca, cert: identity.certificate, key: identity.privateKey });

    expect(await greet(server.address, tls)).toMatch(/^UNAVAILABLE /);
    expect((await refusal(lines))['reason']).toMatch(/^its certificate is not signed by the CA/);
  });

  it('when it speaks no TLS', async () => {
    const { server, lines } = await serve('none');

    expect(await greet(server.address)).toMatch(/^UNAVAILABLE /);
    expect((await refusal(lines))['reason']).toMatch(/^it does not speak TLS/);
  });

  it('when the server speaks none', async () => {
    const server = createServer({ name: 'greeter', services: [greeter], drainDelayMs: 0 });
    await server.start();
    cleanups.push(() => server.stop());

    expect(await greet(server.address, await openWith(await authority.issue()))).toMatch(
      /^UNAVAILABLE .*the server does not speak TLS there/,
    );
  });

  it('when the server says nothing for ten seconds', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    cleanups.push(() => void server.close());
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const credentials = channelCredentials(await openWith(await authority.issue()));
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    cleanups.push(() => void jest.useRealTimers());
    const target = { path: `127.0.0.1:${port}` };
    const connected = credentials._createSecureConnector(target, {}).connect(socket);

    jest.advanceTimersByTime(10_000);

    await expect(connected).rejects.toThrow('no TLS handshake within 10000 ms');
  });

  it('when the server’s certificate has expired since it was loaded', async () => {
    const files = await authority.issue({ lifetimeMs: -1000 });
    const source = await TlsSource.open(files, { nowMs: () => Date.now() - 3_600_000 });
    const server = createServer({
      name: 'greeter',
      services: [greeter],
      drainDelayMs: 0,
      tls: { source, clientAuth: 'none' },
    });
    await server.start();
    cleanups.push(() => server.stop());

    expect(await greet(server.address, await open({ ca: files.ca }))).toMatch(
      /^UNAVAILABLE .*the server's certificate has expired/,
    );
  });
});

describe('a certificate that is renewed', () => {
  it('costs no call and no open stream, and new connections see it', async () => {
    const { server, files, source, lines } = await serve('require');
    const client = await openWith(files);
    const settings = { tls: client, attemptsMax: 1, shareChannel: false };
    const greeter = createClient(helloworld.GreeterService, server.address, settings);
    cleanups.push(() => greeter.close());
    const asked = queue();
    const answers = greeter.sayHelloBidiStream(asked.items)[Symbol.asyncIterator]();
    asked.push({ name: 'before' });
    expect((await answers.next()).value).toMatchObject({ message: 'Hello, before!' });

    for (let round = 0; round < 5; round += 1) {
      await authority.renew(files, { names: ['127.0.0.1', `round-${round}`] });
      const calls = Array.from({ length: 40 }, (_, at) =>
        at % 4 === 0 ? greet(server.address, client) : greeter.sayHello({ name: 'Ada' }),
      );
      await Promise.all([source.check(), client.check(), ...calls]).then((results) => {
        for (const result of results) expect(JSON.stringify(result) ?? '').not.toContain('UNAVAIL');
      });
    }

    asked.push({ name: 'after' });
    expect((await answers.next()).value).toMatchObject({ message: 'Hello, after!' });
    asked.end();
    expect(source.current.names).toContain('DNS:round-4');
    expect(lines.filter((line) => line.includes('certificate reloaded'))).toHaveLength(5);
  });

  it('with a CA of its own is trusted once both sides have it', async () => {
    const { server, files, source } = await serve('require');
    const other = await TestAuthority.create('The next CA');
    cleanups.push(() => other.remove());
    const theirs = await openWith(await other.issue());

    const before = await greet(server.address, theirs);
    await writeFile(files.ca, `${authority.caPem}\n${other.caPem}`);
    await source.check();
    const { identity } = await other.issue();
    const bundle = await open({
      ca: files.ca,
      cert: identity.certificate,
      key: identity.privateKey,
    });

    expect(before).toMatch(/^UNAVAILABLE/);
    expect(await greet(server.address, bundle)).toBe('Hello, Ada!');
  });

  it('that is no good is logged and counted, and calls go on', async () => {
    const { server, files, source, lines, metrics } = await serve('none');
    const client = await open({ ca: files.ca });

    await writeFile(files.identity.privateKey, 'no key');
    await source.check();

    expect(await greet(server.address, client)).toBe('Hello, Ada!');
    expect(lines.join('')).toContain('new certificate files cannot be used');
    expect(await metrics.text()).toContain('raftway_tls_reloads_total{result="failed"} 1');
  });
});

it('a certificate that expires within a day is warned of at the start', async () => {
  const { lines } = await serve('none', await authority.issue({ lifetimeMs: 3_600_000 }));

  expect(lines.join('')).toContain('the certificate expires within a day');
});

it('handshakes count among the connections that a server takes', async () => {
  const tls = { source: await openWith(await authority.issue()), clientAuth: 'none' } as const;
  const server = createServer({
    ...{ name: 'greeter', services: [greeter], drainDelayMs: 0, tls },
    limits: { connectionsMax: 1 },
  });
  await server.start();
  cleanups.push(() => server.stop());
  const port = Number(server.address.split(':')[1]);
  const silent = connect(port, '127.0.0.1');
  cleanups.push(() => void silent.destroy());
  await once(silent, 'connect');

  const [refused] = (await once(connect(port, '127.0.0.1'), 'close')) as [boolean];

  expect(refused).toBe(false);
  expect(silent.destroyed).toBe(false);
});

it('refused callers are logged ten times in ten seconds and counted each time', async () => {
  const { server, lines, metrics } = await serve('none');

  for (let at = 0; at < 13; at += 1) await greet(server.address);

  expect(lines.filter((line) => line.includes('connection refused'))).toHaveLength(10);
  const count = /raftway_tls_refused_total (\d+)/.exec(await metrics.text())?.[1];
  expect(Number(count)).toBeGreaterThanOrEqual(13);
});

describe('the options', () => {
  const context = () => ({
    logger: createLogger({ name: 'test', write: () => undefined }),
    metrics: createMetrics({ processMetrics: false }),
  });

  it('mean plaintext when none is given', async () => {
    expect(await openTls({ tlsClientAuth: 'require' }, context())).toBeUndefined();
  });

  it('are given all or none', async () => {
    const files = await authority.issue();
    const { tlsCa } = optionsOf(files);

    await expect(openTls({ tlsCa, tlsClientAuth: 'require' }, context())).rejects.toThrow(
      /2 problems:\n {2}RAFTWAY_TLS_CERT is required.*\n {2}RAFTWAY_TLS_KEY is required/,
    );
  });

  it('of a tool may be a CA alone, and no key without a certificate', async () => {
    const { ca, identity } = await authority.issue();

    await expect(openClientTls({ ca, key: identity.privateKey })).rejects.toThrow(
      /certificate and key together/,
    );
    await expect(openClientTls({ cert: identity.certificate })).rejects.toThrow(/need a CA/);
    expect(await openClientTls({})).toBeUndefined();
  });
});

function read(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += String(chunk)));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

/** Items that are given one by one. */
function queue() {
  const waiting: { name: string }[] = [];
  let wake: () => void = () => undefined;
  let ended = false;
  const items = async function* () {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (ended) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return {
    items: items(),
    push: (item: { name: string }) => {
      waiting.push(item);
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
  };
}
