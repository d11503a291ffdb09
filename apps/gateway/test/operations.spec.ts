import * as grpc from '@grpc/grpc-js';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import * as http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { block, callHeaders, flag, frame, RawPeer, type } from '@raftway/http2/testing';
import { DocumentGateway, routeTo } from './support/document-gateway';
import { collect, EchoBackend } from './support/echo-backend';
import { errorInfo, eventually, Harness } from './support/harness';
import { chunk, head, RawHttp1 } from './support/raw-http1';
import { RawBackend, rawCall } from './support/raw-http2';
import { keyOf, keys, metadataOf, securityPolicy } from './support/secured';

const emptyMessage = Buffer.alloc(5);
const grpcHeaders = [
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

describe('the age of connections', () => {
  let harness: Harness;
  let backend: EchoBackend;

  async function start(options: Parameters<typeof Harness.start>[0]): Promise<void> {
    harness = await Harness.start(options);
    backend = await harness.backend();
    harness.registerAll();
  }

  afterEach(async () => {
    await harness.close();
  });

  it('ends one in two steps, serves what crosses them, and lets open calls finish', async () => {
    await start({ connectionAgeMaxMs: 1000 });
    const peer = await RawPeer.connect(harness.gateway.address);
    const open = frame(type.headers, flag.endHeaders, 1, block(...callHeaders({})));
    peer.send(open);
    const first = await peer.first(({ kind }) => kind === type.goaway);
    // It has not been answered yet that the first step was seen: what was on the way is served.
    peer.send(frame(type.headers, flag.endHeaders, 3, block(...callHeaders({}))));
    peer.send(frame(type.data, flag.endStream, 3, emptyMessage));
    const second = await peer.first(
      ({ kind, payload }) => kind === type.goaway && payload.readUInt32BE(0) < 2 ** 31 - 1,
    );
    await peer.first(({ streamId, flags, kind }) => {
      return streamId === 3 && kind === type.headers && (flags & flag.endStream) !== 0;
    });
    peer.send(frame(type.data, flag.endStream, 1, emptyMessage));
    await peer.first(({ streamId, flags, kind }) => {
      return streamId === 1 && kind === type.headers && (flags & flag.endStream) !== 0;
    });
    await eventually(() => peer.closed, 'the connection is closed');

    expect(first.payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    expect([first, second].map(({ payload }) => payload.readUInt32BE(4))).toEqual([0, 0]);
    expect(second.payload.readUInt32BE(0)).toBe(3);
    expect(backend.calls).toBe(2);
  });

  it('gives streams their grace, and then says why they end', async () => {
    await start({ connectionAgeMaxMs: 500, connectionAgeGraceMs: 1000 });
    const call = harness.client().bidi();
    const echoed = new Promise<Buffer>((resolve) => call.once('data', resolve));
    call.write(Buffer.from('x'));
    await echoed;
    const startedMs = performance.now();

    const { code, trailers } = await collect(call);

    expect(performance.now() - startedMs).toBeGreaterThan(1000);
    expect(code).toBe(grpc.status.UNAVAILABLE);
    expect(errorInfo(trailers)).toMatchObject({ reason: 'CONNECTION_TOO_OLD' });
    await eventually(() => backend.cancelled === 1, 'the instance is told');
    expect((await harness.client().unary('again')).code).toBe(0);
  });

  it('fails no call of a client that calls all the time', async () => {
    await start({ connectionAgeMaxMs: 300 });
    // A GOAWAY that comes while Node.js has a request ready but not written ends that with REFUSED_STREAM, and grpc-js sends it again.
    const client = harness.client({ 'grpc.enable_retries': 1 });
    const codes = new Set<number>();
    const connections = new Set<number>();
    const endMs = performance.now() + 4500;
    let made = 0;
    while (performance.now() < endMs) {
      made += 1;
      codes.add((await client.unary('x')).code);
      connections.add(await numberIn(harness, 'raftway_gateway_client_connections'));
    }

    expect([...codes]).toEqual([0]);
    expect(backend.calls).toBe(made);
    expect(Math.max(...connections)).toBeLessThanOrEqual(2);
  });

  it('closes one of HTTP/1.1 with its next answer, and a stream on it after the grace', async () => {
    await start({ connectionAgeMaxMs: 500, connectionAgeGraceMs: 500 });
    const web = 'Content-Type: application/grpc-web+proto';
    const streaming = new RawHttp1(harness.gateway.address);
    streaming.send(head('/test.Echo/Bidi', web, 'Transfer-Encoding: chunked'));
    streaming.send(chunk(Buffer.from([0, 0, 0, 0, 1, 120])));
    const calling = new RawHttp1(harness.gateway.address);
    const unary = [head('/test.Echo/Unary', web, 'Content-Length: 5'), emptyMessage] as const;
    calling.send(...unary);

    expect(await calling.until('grpc-status: 0')).not.toContain('connection: close');
    const endedByAge = await streaming.closed();
    expect(endedByAge).toContain('grpc-status: 14');
    expect(endedByAge).toContain('RAFTWAY_CONNECTION_AGE_MAX');
    calling.send(...unary);
    expect(await calling.closed()).toMatch(/connection: close/i);
  });

  it('asks an idle one to go in two steps, too', async () => {
    await start({ connectionIdleMs: 1000 });
    const peer = await RawPeer.connect(harness.gateway.address);

    const { payload } = await peer.first(({ kind }) => kind === type.goaway);
    peer.send(frame(type.headers, flag.endHeaders, 1, block(...callHeaders({}))));
    peer.send(frame(type.data, flag.endStream, 1, emptyMessage));
    await eventually(() => peer.closed, 'the connection is closed');

    expect(payload.readUInt32BE(0)).toBe(2 ** 31 - 1);
    expect(backend.calls).toBe(1);
  });
});

describe('header lists that are too large', () => {
  let harness: Harness;
  let backend: EchoBackend;
  const large = Array.from({ length: 20 }, (_, at) => [`x-${at}`, 'v'.repeat(5000)] as const);

  beforeEach(async () => {
    harness = await Harness.start();
    backend = await harness.backend();
    harness.registerAll();
  });

  afterEach(async () => {
    await harness.close();
  });

  it('are answered to a gRPC client with the limit and its owner', async () => {
    const client = harness.client();
    const metadata = new grpc.Metadata();
    for (const [name, value] of large) metadata.set(name, value);

    const { code, trailers, details } = await client.unary('x', { metadata });
    const after = await client.unary('x');

    expect([code, details]).toEqual([
      grpc.status.RESOURCE_EXHAUSTED,
      'the headers of a call may have 81920 bytes (with 32 for each) and be 256; nothing was sent',
    ]);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'HEADERS_TOO_LARGE',
      metadata: { limit: '81920, 256', owner: 'options of the gateway' },
    });
    // Both sides' tables are the same as before: further calls of the connection are understood.
    expect([after.code, backend.calls]).toEqual([0, 1]);
  });

  it('are answered with 431 to all others', async () => {
    // A client of node:http2 would not send them.
    const peer = await RawPeer.connect(harness.gateway.address);
    const bytes = block(...callHeaders({ 'content-type': 'application/json' }, ...large.flat()));
    for (let at = 0; at < bytes.length; at += 16_384) {
      const flags = at + 16_384 >= bytes.length ? flag.endHeaders | flag.endStream : flag.endStream;
      const kind = at === 0 ? type.headers : type.continuation;
      peer.send(frame(kind, flags, 1, bytes.subarray(at, at + 16_384)));
    }

    const { payload } = await peer.first(({ kind }) => kind === type.data);

    const headers = await peer.first(({ kind }) => kind === type.headers);
    expect(headers.payload.toString('latin1')).toContain('431');
    expect(JSON.parse(payload.toString())).toMatchObject({ status: 431 });
    peer.destroy();
  });

  it('are answered by the number of headers, too, wherever the content type stands', async () => {
    const many = Array.from({ length: 300 }, (_, at) => [`x-${at}`, 'v'] as const);

    const answer = await rawCall(harness.gateway.address, emptyMessage, [...many, ...grpcHeaders]);

    expect(answer.headers).toEqual(expect.arrayContaining(['grpc-status', '8']));
    expect(backend.calls).toBe(0);
  });

  it('are reset beyond four times the limit, which only a table can say in few bytes', async () => {
    const peer = await RawPeer.connect(harness.gateway.address);
    const value = 'v'.repeat(3000);
    // Puts a field into the table, and refers to it 150 times: index 62 is the newest entry (RFC 7541 §2.3.3).
    const indexed = Buffer.concat([
      block(...callHeaders({})),
      Buffer.from([0x40]),
      block('x-bomb', value).subarray(1),
      Buffer.alloc(150, 0x80 | 62),
    ]);
    peer.send(frame(type.headers, flag.endHeaders | flag.endStream, 1, indexed));

    expect(await peer.resetOf(1)).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    peer.destroy();
  });

  it('of an instance’s answer are told as what they are', async () => {
    const raw = await new RawBackend((stream) => {
      stream.respond({
        ':status': 200,
        'content-type': 'application/grpc',
        ...Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`x-${at}`, 'v'])),
      });
      stream.end();
    }).start();
    const instance = new EchoBackend('raw');
    instance.address = raw.address;
    harness.register(instance);

    const { code, trailers } = await harness.client().unary('x');

    expect(code).toBe(grpc.status.RESOURCE_EXHAUSTED);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'RESPONSE_HEADERS_TOO_LARGE',
      metadata: { service: 'echo', owner: 'options of the gateway' },
    });
    await raw.stop();
  });
});

describe('calls that stand still', () => {
  let gateway: DocumentGateway;
  const quiet = `---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: quiet }
spec:
  targetRefs: [{ kind: GRPCRoute, name: all }]
  timeouts: { streamIdle: 400ms }
`;

  beforeEach(async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') + quiet });
  });

  afterEach(async () => {
    await gateway.close();
  });

  it('are ended after the idle time of a policy, which is named', async () => {
    const { code, trailers } = await collect(gateway.harness.client().bidi());

    expect(code).toBe(grpc.status.DEADLINE_EXCEEDED);
    expect(errorInfo(trailers)).toMatchObject({
      reason: 'CALL_IDLE',
      metadata: { field: 'timeouts.streamIdle', limit: '400ms' },
    });
    await eventually(() => gateway.backends[0]?.cancelled === 1, 'the instance is told');
  });

  it('are not those that the gateway itself keeps back', async () => {
    await gateway.change(
      'a.yaml',
      `${routeTo('v1')}${quiet}  fault: { delay: { duration: 900ms } }\n`,
    );
    const startedMs = performance.now();

    expect((await gateway.harness.client().unary('x')).code).toBe(0);
    expect(performance.now() - startedMs).toBeGreaterThan(880);
  });

  it('are not those that move, however long they last', async () => {
    const call = gateway.harness.client().bidi();
    const end = collect(call);
    for (let number = 0; number < 10; number += 1) {
      const echoed = new Promise((resolve) => call.once('data', resolve));
      call.write(Buffer.from('x'));
      await echoed;
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    call.end();

    expect(await end).toMatchObject({ code: 0 });
  });
});

describe('what is counted by rule', () => {
  it('is calls and latencies of each of its backends', async () => {
    const gateway = await DocumentGateway.start({
      'a.yaml': `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: split }
spec:
  rules:
    - name: main
      matches: [{ method: { service: test.Echo, method: Unary } }]
      backendRefs: [{ name: v1 }]
    - matches: [{ method: { service: test.Echo } }]
      backendRefs: [{ name: nowhere }]
`,
    });
    const client = gateway.harness.client();
    await client.unary('x');
    await client.unary('x');
    await client.unary('x', { path: '/test.Echo/Look' });

    const text = await gateway.harness.metrics.text();

    const labels = 'route="GRPCRoute default/split",rule="main",backend="v1"';
    expect(text).toContain(`raftway_gateway_route_calls_total{${labels},code="OK"} 2`);
    expect(text).toContain(`raftway_gateway_route_call_duration_seconds_count{${labels}} 2`);
    expect(text).toContain('rule="rules[1]",backend="none",code="UNAVAILABLE"} 1');
    await gateway.close();
  });
});

describe('the access log', () => {
  let directory: string;
  let gateway: DocumentGateway;
  let file: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'raftway-access-'));
    file = join(directory, 'access.log');
  });

  afterEach(async () => {
    await gateway.close();
    rmSync(directory, { recursive: true });
  });

  /** Its lines, when there are so many. */
  async function lines(count: number): Promise<Record<string, unknown>[]> {
    const all = (): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
    await eventually(() => all().length >= count, `${count} lines`);
    expect(all()).toHaveLength(count);
    return all().map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('says of each call whence, what, whither, how it ended and how long it took, and no secret', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') }, { accessLog: file });
    const metadata = new grpc.Metadata();
    metadata.set('authorization', 'Bearer secret');
    metadata.set('x-request-id', 'request-7');
    metadata.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    await gateway.harness.client().unary('x', { metadata });

    const [line] = await lines(1);

    expect(line).toMatchObject({
      ...{ client: '127.0.0.1', protocol: 'grpc', http: '2', httpMethod: 'POST' },
      ...{ path: '/test.Echo/Unary', grpcService: 'test.Echo', method: 'Unary' },
      ...{ route: 'GRPCRoute default/all', rule: 'rules[0]', backend: 'v1' },
      ...{ httpStatus: 200, status: 'OK', requestBytes: 6, responseBytes: 6, retries: 0 },
      ...{ requestId: 'request-7', traceId: '0af7651916cd43dd8448eb211c80319c' },
    });
    expect(line?.['instance']).toContain('v1');
    expect(line?.['durationMs']).toBeGreaterThanOrEqual(Number(line?.['firstByteMs']));
    expect(Date.now() - Date.parse(String(line?.['time']))).toBeLessThan(60_000);
    expect(JSON.stringify(line)).not.toContain('secret');
  });

  it('says who calls, as a SecurityPolicy has found out, also of those that it denies the call', async () => {
    const rules = 'rules: [{ name: ada, principals: [{ apiKey: { id: ada } }] }]';
    gateway = await DocumentGateway.start(
      {
        'a.yaml': `${routeTo('v1')}${securityPolicy(`apiKeys: { ${keys('ada', 'bob')} }, ${rules}`, '{ kind: GRPCRoute, name: all }')}`,
      },
      { accessLog: file },
    );
    const client = gateway.harness.client();
    for (const id of ['ada', 'bob', 'eve'])
      await client.unary('x', { metadata: metadataOf({ 'x-api-key': keyOf(id) }) });

    const all = await lines(3);

    expect(all.map(({ identity, principal, reason }) => [identity, principal, reason])).toEqual([
      ['api-key', 'ada', undefined],
      ['api-key', 'bob', 'ACCESS_DENIED'],
      [undefined, undefined, 'API_KEY_UNKNOWN'],
    ]);
    expect(JSON.stringify(all)).not.toContain('key-of-');
  });

  it('says why a call was refused, in every protocol', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') }, { accessLog: file });
    const client = gateway.harness.client();
    const post = head('/test.Echo/Unary', 'Content-Length: 5', 'Content-Type: application/proto');
    await client.unary('x', { path: '/grpc.health.v1.Health/Nothing' });
    const http1 = new RawHttp1(gateway.harness.gateway.address);
    http1.send('GET /nothing?token=secret HTTP/1.1\r\nHost: x\r\n\r\n');
    await http1.until('HTTP_PATH_UNKNOWN');
    http1.send(post, emptyMessage);
    await eventually(() => http1.text.split('HTTP/1.1').length === 3, 'a second answer');
    http1.close();
    const session = http2.connect(`http://${gateway.harness.gateway.address}`);
    const stream = session.request({
      ...{ ':method': 'POST', ':path': 'no-path', 'content-type': 'application/grpc' },
    });
    stream.resume().end();
    await new Promise((resolve) => stream.once('close', resolve));
    session.destroy();

    const all = await lines(4);

    expect(
      all.map(({ protocol, status, httpStatus, reason }) => [protocol, status, httpStatus, reason]),
    ).toEqual(
      expect.arrayContaining([
        ['grpc', 'UNIMPLEMENTED', 200, 'METHOD_UNKNOWN'],
        ['http', 'NOT_FOUND', 404, 'HTTP_PATH_UNKNOWN'],
        ['connect', 'OK', 200, undefined],
        ['grpc', 'UNIMPLEMENTED', 200, 'PATH_NOT_CANONICAL'],
      ]),
    );
    expect(JSON.stringify(all)).not.toContain('secret');
  });

  it('has a share of the calls, and those that fail in any case', async () => {
    gateway = await DocumentGateway.start(
      { 'a.yaml': routeTo('v1') },
      { accessLog: file, accessLogSamplePercent: 0 },
    );
    const client = gateway.harness.client();
    await client.unary('x');
    await client.unary('x', { path: '/grpc.health.v1.Health/Nothing' });

    const [line] = await lines(1);

    expect(line).toMatchObject({ reason: 'METHOD_UNKNOWN' });
  });

  it('drops what it cannot write in time, and counts it, while calls go on', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') }, { accessLog: '/dev/full' });

    expect(await gateway.harness.client().unary('x')).toMatchObject({ code: 0 });

    const dropped = 'raftway_gateway_access_log_lines_total{result="dropped"}';
    let seen = 0;
    await eventually(() => {
      void numberIn(gateway.harness, dropped).then((count) => (seen = count));
      return seen === 1;
    }, 'a line is counted as dropped');
  });

  it('is told of by a gateway that cannot open it', async () => {
    gateway = await DocumentGateway.start({ 'a.yaml': routeTo('v1') });

    await expect(Harness.start({ accessLog: join(directory, 'missing', 'a.log') })).rejects.toThrow(
      'RAFTWAY_ACCESS_LOG',
    );
  });
});

async function numberIn(harness: Harness, series: string): Promise<number> {
  const text = await harness.metrics.text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}
