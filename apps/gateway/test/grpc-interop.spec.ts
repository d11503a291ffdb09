import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import * as grpc from '@grpc/grpc-js';
import { frameMessage, MessageReader } from '@raftway/http2';
import { TlsSource } from '@raftway/tls';
import { TestAuthority } from '@raftway/tls/testing';
import { collect } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually, Harness } from './support/harness';
import {
  ECHOED,
  InteropClient,
  methodOf,
  type Payload,
  payloadOf,
  startInteropServer,
  unimplemented,
} from './support/interop-service';
import { RawBackend } from './support/raw-http2';

/*
 * The cases of gRPC's interoperability tests (doc/interop-test-descriptions.md of grpc/grpc), by their names: client → gateway → server, both grpc-js. Left
 * out are those that need a cloud's credentials, and `cacheable_unary`, which asks for GET.
 */

let authority: TestAuthority;
let harness: Harness;
let client: InteropClient;
let source: TlsSource | undefined;
let stopServer: () => void;

beforeAll(async () => {
  authority = await TestAuthority.create();
});
afterAll(() => authority.remove());

async function setUp(isTls: boolean): Promise<void> {
  let serverCredentials = grpc.ServerCredentials.createInsecure();
  let credentials = grpc.credentials.createInsecure();
  if (isTls) {
    const files = await authority.issue({ names: ['gateway', 'localhost', '127.0.0.1', 'echo'] });
    source = await TlsSource.open(files, { checkIntervalMs: 3_600_000 });
    const pair = {
      private_key: readFileSync(files.identity.privateKey),
      cert_chain: readFileSync(files.identity.certificate),
    };
    serverCredentials = grpc.ServerCredentials.createSsl(readFileSync(files.ca), [pair], true);
    credentials = grpc.credentials.createSsl(readFileSync(files.ca));
  }
  const tls = source && ({ source, clientAuth: 'none' } as const);
  harness = await Harness.start({}, undefined, tls);
  const server = await startInteropServer(serverCredentials);
  stopServer = server.stop;
  register(server.address);
  client = new InteropClient(harness.gateway.address, credentials);
}

function register(address: string, grpcService = 'grpc.testing.TestService'): void {
  harness.view.set(instanceOf(address, { grpcServices: [grpcService] }));
}

const grpcResponse = { ':status': 200, 'content-type': 'application/grpc' };

async function tearDown(): Promise<void> {
  client.close();
  stopServer();
  await harness.close();
  source?.close();
  source = undefined;
}

const ask = (size: number, bytes: number): object => ({
  response_parameters: [{ size }],
  ...payloadOf(bytes),
});

describe.each([
  ['plaintext', false],
  ['TLS', true],
])('interoperability over %s:', (_name, isTls) => {
  beforeEach(() => setUp(isTls));
  afterEach(tearDown);

  it('empty_unary', async () => {
    expect(await client.unary({}, { method: methodOf('EmptyCall') })).toMatchObject({ code: 0 });
  });

  it('large_unary', async () => {
    const outcome = await client.unary({ response_size: 314_159, ...payloadOf(271_828) });

    expect(outcome).toMatchObject({ code: 0, bytes: 314_159 });
  });

  it('client_streaming', async () => {
    const total = await new Promise((resolve, reject) => {
      const call = client.clientStream((error, bytes) => (error ? reject(error) : resolve(bytes)));
      for (const bytes of [27_182, 8, 1828, 45_904]) call.write(payloadOf(bytes));
      call.end();
    });

    expect(total).toBe(74_922);
  });

  it('server_streaming', async () => {
    const sizes = [31_415, 9, 2653, 58_979];

    const { code, messages } = await collect(client.serverStream(sizes));

    expect(code).toBe(0);
    expect(messages.map(({ payload }) => payload?.body.length)).toEqual(sizes);
  });

  it('ping_pong', async () => {
    const call = client.duplex();
    const received: unknown[] = [];
    const turns = [
      [31_415, 27_182],
      [9, 8],
      [2653, 1828],
      [58_979, 45_904],
    ] as const;

    for (const [size, bytes] of turns) {
      const answer = new Promise<Payload>((resolve) => call.once('data', resolve));
      call.write(ask(size, bytes));
      received.push((await answer).payload?.body.length);
    }
    const end = collect(call);
    call.end();

    expect(await end).toMatchObject({ code: 0 });
    expect(received).toEqual([31_415, 9, 2653, 58_979]);
  });

  it('empty_stream', async () => {
    const call = client.duplex();
    const end = collect(call);

    call.end();

    expect(await end).toMatchObject({ code: 0, messages: [] });
  });

  it('custom_metadata', async () => {
    const metadata = new grpc.Metadata();
    metadata.set(ECHOED.initial, 'test_initial_metadata_value');
    metadata.set(ECHOED.trailing, Buffer.from([0xab, 0xab, 0xab]));

    const single = await client.unary(
      { response_size: 314_159, ...payloadOf(271_828) },
      { metadata },
    );
    const call = client.duplex(metadata);
    const end = collect(call);
    call.write(ask(314_159, 271_828));
    // The tests' server ends its side when ours has ended: not before the answer is there.
    await new Promise((resolve) => call.once('data', resolve));
    call.end();

    for (const { code, initial, trailers } of [single, await end]) {
      expect(code).toBe(0);
      expect(initial.get(ECHOED.initial)).toEqual(['test_initial_metadata_value']);
      expect(trailers.get(ECHOED.trailing)).toEqual([Buffer.from([0xab, 0xab, 0xab])]);
    }
  });

  it('status_code_and_message', async () => {
    const response_status = { code: 2, message: 'test status message' };

    const single = await client.unary({ response_status });
    const call = client.duplex();
    const end = collect(call);
    call.write({ response_status });
    call.end();

    for (const outcome of [single, await end])
      expect(outcome).toMatchObject({ code: 2, details: 'test status message' });
  });

  it('special_status_message', async () => {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

    const outcome = await client.unary({ response_status: { code: 2, message } });

    expect(outcome).toMatchObject({ code: 2, details: message });
  });

  it('unimplemented_method', async () => {
    const outcome = await client.unary({}, { method: methodOf('UnimplementedCall') });

    expect(outcome.code).toBe(grpc.status.UNIMPLEMENTED);
    // It was the instance that said so.
    expect(errorInfo(outcome.trailers)).toBeUndefined();
  });

  it('unimplemented_service', async () => {
    const outcome = await client.unary({}, { method: unimplemented() });

    expect(outcome.code).toBe(grpc.status.UNIMPLEMENTED);
    expect(errorInfo(outcome.trailers)?.reason).toBe('SERVICE_UNKNOWN');
  });

  it('cancel_after_begin', async () => {
    const code = await new Promise((resolve) => {
      const call = client.clientStream((error) => resolve(error?.code));
      call.cancel();
    });

    expect(code).toBe(grpc.status.CANCELLED);
  });

  it('cancel_after_first_response', async () => {
    const call = client.duplex();
    const end = collect(call);
    call.write(ask(31_415, 27_182));
    await new Promise((resolve) => call.once('data', resolve));

    call.cancel();

    expect((await end).code).toBe(grpc.status.CANCELLED);
    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
  });

  it('timeout_on_sleeping_server', async () => {
    const call = client.duplex(new grpc.Metadata(), { deadline: Date.now() + 1 });
    const end = collect(call);
    call.write({ response_parameters: [{ size: 1, interval_us: 10_000_000 }] });

    expect((await end).code).toBe(grpc.status.DEADLINE_EXCEEDED);
  });
});

describe('interoperability of many, and of what is compressed:', () => {
  beforeEach(() => setUp(false));
  afterEach(tearDown);

  it('concurrent_large_unary: a thousand on one connection', async () => {
    const [request, answer] = [Buffer.alloc(271_828, 1), frameMessage(Buffer.alloc(314_159, 2))];
    const large = await new RawBackend((stream) => {
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.on('end', () => {
        stream.respond(grpcResponse, { waitForTrailers: true });
        stream.end(bytes === request.length + 5 ? answer : undefined);
      });
    }).start();
    register(large.address, 'test.Echo');
    const one = harness.client();

    const outcomes = await Promise.all(Array.from({ length: 1000 }, () => one.unary(request)));

    const wrong = outcomes.filter(
      ({ code, messages }) => code !== 0 || messages[0]?.length !== 314_159,
    );
    expect(wrong.map(({ code, details }) => `${code} ${details}`)).toEqual([]);
    expect(harness.gateway.bufferedBytes).toBe(0);
    await large.stop();
  }, 120_000);

  it.each([
    ['client_compressed_unary and server_compressed_unary', 1],
    ['client_compressed_streaming and server_compressed_streaming', 20],
  ])('%s', async (_name, count) => {
    const flags: number[] = [];
    const compressing = await new RawBackend((stream) => {
      const reader = new MessageReader(1_000_000, () => new RangeError('too large'));
      stream.on('data', (chunk: Buffer) => reader.push(chunk));
      stream.on('end', () => {
        stream.respond({ ...grpcResponse, 'grpc-encoding': 'gzip' }, { waitForTrailers: true });
        for (let one = reader.next(); one !== undefined; one = reader.next()) {
          flags.push(Number(one.compressed));
          const zipped = frameMessage(one.compressed ? one.bytes : gzipSync(one.bytes));
          zipped[0] = 1;
          stream.write(zipped);
        }
        stream.end();
      });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    }).start();
    register(compressing.address, 'test.Echo');
    const zipping = harness.client({
      'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
    });
    const call = zipping.bidi();
    const end = collect(call);
    const sent = Array.from({ length: count }, (_unused, at) => Buffer.alloc(20_000, `${at}`));

    for (const message of sent) call.write(message);
    call.end();

    const { code, messages } = await end;
    expect([code, messages]).toEqual([0, sent]);
    expect(flags).toEqual(sent.map(() => 1));
    await compressing.stop();
  });
});
