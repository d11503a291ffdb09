import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { type IncomingMessage } from 'node:http';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { type ChannelCredentials, credentials, ServerCredentials, status } from '@grpc/grpc-js';
import { createLogger } from '@raftway/observability';
import { TlsSource } from '@raftway/tls';
import { TestAuthority, type TestFiles } from '@raftway/tls/testing';
import { Harness } from './support/harness';

let authority: TestAuthority;
let harness: Harness;
let gatewayFiles: TestFiles;
let source: TlsSource;
const lines: string[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
});
afterAll(() => authority.remove());

beforeEach(async () => {
  lines.splice(0);
  gatewayFiles = await authority.issue({ names: ['gateway', '127.0.0.1'] });
  source = await TlsSource.open(gatewayFiles, { checkIntervalMs: 3_600_000 });
  const logger = createLogger({ name: 'gateway', write: (line) => void lines.push(line) });
  harness = await Harness.start({}, logger, { source, clientAuth: 'none' });
});
afterEach(async () => {
  await harness.close();
  source.close();
});

/** Instances that want a certificate of their callers; they run on grpc-js, not on our engine. */
async function instance(name: string, ...names: string[]): Promise<void> {
  const { ca, identity } = await authority.issue({ names });
  const pair = {
    private_key: readFileSync(identity.privateKey),
    cert_chain: readFileSync(identity.certificate),
  };
  const secured = ServerCredentials.createSsl(readFileSync(ca), [pair], true);
  const backend = await harness.backend(name, {}, {}, secured);
  harness.register(backend);
}

/** A client without a certificate. */
function trusting(ca = gatewayFiles.ca): ChannelCredentials {
  return credentials.createSsl(readFileSync(ca));
}

const named = { 'grpc.ssl_target_name_override': 'gateway' };

it('calls pass from TLS to instances that want the gateway’s certificate', async () => {
  await instance('a', 'echo');
  const client = harness.client(named, trusting());

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => client.unary(`message ${at}`)),
  );
  const large = await client.unary(Buffer.alloc(1_000_000, 7));

  expect(answers.map(({ messages }) => String(messages[0]))).toEqual(
    Array.from({ length: 20 }, (_, at) => `message ${at}`),
  );
  expect(large.messages[0]?.length).toBe(1_000_000);
});

it('an instance has to be of the service under which it is registered', async () => {
  await instance('impostor', 'lock-service', '127.0.0.1');
  const client = harness.client(named, trusting());

  const { code } = await client.unary('hello');

  expect(code).toBe(status.UNAVAILABLE);
  expect(harness.backends[0]?.calls).toBe(0);
  expect(lines.join('')).toContain('Host: echo. is not in the cert');
});

it('an instance without TLS gets no call', async () => {
  harness.register(await harness.backend('plain'));
  const client = harness.client(named, trusting());

  expect((await client.unary('hello')).code).toBe(status.UNAVAILABLE);
  expect(lines.join('')).toContain('the server does not speak TLS there');
});

it('a client without TLS, or that trusts another CA, gets UNAVAILABLE', async () => {
  await instance('a', 'echo');
  const other = await TestAuthority.create('Another');
  const { ca } = await other.issue();

  const plain = await harness.client().unary('hello');
  const distrusting = await harness.client(named, trusting(ca)).unary('hello');

  expect([plain.code, distrusting.code]).toEqual([status.UNAVAILABLE, status.UNAVAILABLE]);
  await other.remove();
});

it('a renewed certificate costs no call, on either side', async () => {
  await instance('a', 'echo');
  const client = harness.client(named, trusting());
  const codes: number[] = [];

  for (let round = 0; round < 3; round += 1) {
    await authority.renew(gatewayFiles, { names: ['gateway', `round-${round}`] });
    const fresh = harness.client(named, trusting());
    const calls = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? client : fresh).unary('x'));
    await source.check();
    for (const { code } of await Promise.all(calls)) codes.push(code);
  }

  expect(codes).toEqual(Array.from({ length: 60 }, () => status.OK));
  expect(source.current.names).toContain('DNS:round-2');
});

it('a client of node:http2 negotiates h2 and calls', async () => {
  await instance('a', 'echo');
  const session = connect(`https://${harness.gateway.address}`, {
    ca: readFileSync(gatewayFiles.ca),
  });
  const stream: ClientHttp2Stream = session.request({
    ':method': 'POST',
    ':path': '/test.Echo/Unary',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.end(Buffer.from([0, 0, 0, 0, 1, 65]));

  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  const [bytes] = (await once(stream, 'data')) as [Buffer];
  session.destroy();

  expect(headers[':status']).toBe(200);
  expect(bytes).toEqual(Buffer.from([0, 0, 0, 0, 1, 65]));
});

it.each([
  ['HTTP/1.1', ['http/1.1']],
  ['nothing', []],
])('a client that negotiates %s speaks HTTP/1.1', async (_what, ALPNProtocols) => {
  await instance('a', 'echo');
  const [host, port] = harness.gateway.address.split(':');
  const sent = request({
    ...{ host, port, path: '/test.Echo/Unary', method: 'POST', agent: false },
    ...{ ca: readFileSync(gatewayFiles.ca), ALPNProtocols },
    headers: { 'content-type': 'application/proto', 'content-length': 5 },
  });
  sent.end('hello');

  const [response] = (await once(sent, 'response')) as [IncomingMessage];

  expect([response.statusCode, await text(response)]).toEqual([200, 'hello']);
  expect(harness.backends[0]?.calls).toBe(1);
});
