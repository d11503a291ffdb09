import type * as grpc from '@grpc/grpc-js';
import { frameMessage } from '@raftway/http2';
import { type UnaryCall, type UnaryDone } from './support/echo-backend';
import { eventually, Harness } from './support/harness';
import { chunk, head, RawHttp1 } from './support/raw-http1';
import { encodeText, textBackend } from './support/text-backend';

let harness: Harness;
const connections: RawHttp1[] = [];

beforeEach(async () => {
  harness = await Harness.start();
});
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  await harness.close();
});

async function restart(options: Parameters<typeof Harness.start>[0]): Promise<void> {
  await harness.close();
  harness = await Harness.start(options);
}

function open(): RawHttp1 {
  const connection = new RawHttp1(harness.gateway.address);
  connections.push(connection);
  return connection;
}

const web = 'Content-Type: application/grpc-web+proto';
const proto = 'Content-Type: application/proto';
const chunked = 'Transfer-Encoding: chunked';
const message = frameMessage(encodeText('hello'));
const unary = '/test.Echo/Unary';

/** A whole call of the Connect protocol. */
const whole = head(unary, proto, `Content-Length: 7`) + encodeText('hello').toString('latin1');

describe('HTTP/1.1', () => {
  it.each([
    ['two lengths', ['Content-Length: 0', 'Content-Length: 7']],
    ['a length beside chunks', [chunked, 'Content-Length: 7']],
    ['chunks that are not the last coding', ['Transfer-Encoding: chunked, identity']],
    ['a coding that is not known', ['Transfer-Encoding: gzip, chunked']],
    ['a negative length', ['Content-Length: -1']],
    ['a space before the colon', ['Content-Length : 7']],
    ['a folded header', ['X-One: 1', ' 2', 'Content-Length: 7']],
    ['a bare line feed', ['X-One: 1\nX-Two: 2', 'Content-Length: 7']],
    ['a NUL in a value', ['X-One: \u0000', 'Content-Length: 7']],
    ['two hosts', ['Host: another', 'Content-Length: 7']],
  ])('with %s is refused, and the connection closed', async (_what, headers) => {
    const backend = await textBackend(harness);

    const connection = open().send(head(unary, proto, ...headers), 'GET /livez HTTP/1.1\r\n\r\n');

    expect(await connection.closed()).toMatch(/^HTTP\/1.1 (400|501) /);
    expect(connection.text).not.toContain(' 200 ');
    expect(backend.calls).toBe(0);
  });

  it('keeps a connection from call to call', async () => {
    await textBackend(harness);
    const connection = open();

    await connection.send(whole).until('hello');
    await connection.send(whole).until(/hello[^]*hello/);
    await connection.send('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n').until('ok\n');

    expect(connection.isClosed).toBe(false);
  });

  it('takes one call at a time: what is pipelined behind it is refused', async () => {
    const answers: UnaryDone[] = [];
    const backend = await textBackend(harness, {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        backend.note(call);
        answers.push(done);
      },
    });
    const connection = open().send(whole, whole, whole);
    await eventually(() => answers.length === 1, 'the first has come');
    answers[0]?.(null, encodeText('first'));

    const text = await connection.closed();

    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
    expect(backend.calls).toBe(1);
  });

  it('passes no header that is bound to the connection, nor one that the client binds to it', async () => {
    const backend = await textBackend(harness);
    const bound = ['Connection: keep-alive, x-bound', 'X-Bound: 1', 'Keep-Alive: 5', 'TE: gzip'];

    await open()
      .send(head(unary, web, chunked, 'X-Free: 2', 'X-Forwarded-For: 8.8.8.8', ...bound))
      .send(chunk(message), '0\r\n\r\n')
      .until('grpc-status: 0');

    const got = backend.metadata[0]?.getMap() ?? {};
    expect(got).toMatchObject({ 'x-free': '2', 'x-forwarded-for': '127.0.0.1' });
    for (const name of ['connection', 'x-bound', 'keep-alive', 'transfer-encoding', 'host'])
      expect(got).not.toHaveProperty(name);
  });

  it.each([
    ['GET', '/', '405 ', 'allow: POST'],
    ['PUT', unary, '405 ', 'gRPC-Web and Connect'],
    ['OPTIONS', '*', '405 ', 'allow: POST'],
    ['POST', unary, '415 ', 'accept-post: application/grpc, application/grpc-web'],
    ['GET', '/livez', '200 ', 'ok'],
  ])('answers %s %s with %s', async (method, path, status, part) => {
    const text = await open()
      .send(`${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\r\n`)
      .until(part);

    expect(text).toContain(`HTTP/1.1 ${status}`);
  });

  it('refuses headers that are too many or too large', async () => {
    await restart({ headersMax: 16, headerBytesMax: 2048 });
    const many = Array.from({ length: 15 }, (_, at) => `X-${at}: 1`);

    const tooMany = open().send(head(unary, web, ...many));
    const tooLarge = open().send(head(unary, web, `X-Large: ${'x'.repeat(2048)}`));
    const enough = open().send(head(unary, 'Content-Type: a/b', ...many.slice(1)));

    expect(await tooMany.until('\r\n\r\n')).toContain('HTTP/1.1 431');
    expect(await tooLarge.closed()).toContain('HTTP/1.1 431');
    expect(await enough.until('\r\n\r\n')).toContain('HTTP/1.1 415');
  });

  it('cuts off clients whose headers or body do not come', async () => {
    await restart({ prefaceTimeoutMs: 200, http1BodyTimeoutMs: 200 });
    const backend = await textBackend(harness);

    const slowHeaders = open().send('POST / HTTP/1.1\r\n');
    const slowBody = open().send(head(unary, proto, 'Content-Length: 7'), 'x');
    const slowChunks = open().send(head(unary, web, chunked), chunk(message));

    expect(await slowHeaders.closed()).toContain('HTTP/1.1 408');
    expect(await slowBody.closed()).toBe('');
    expect(await slowChunks.closed()).toBe('');
    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
    expect(backend.calls).toBeLessThanOrEqual(1);
    expect(await harness.metrics.text()).toMatch(/client_connection_errors_total [3-9]/);
  });

  it('lets a client read the answer to a body that it has not sent, and then cuts it off', async () => {
    const connection = open().send(head('/no.Such/Method', web, chunked), chunk('x'));
    harness.view.set();

    await connection.until('grpc-status');
    const answeredMs = performance.now();
    await connection.closed();

    expect(performance.now() - answeredMs).toBeGreaterThan(500);
  });

  it('does not answer a second time when a body turns out to be broken', async () => {
    await textBackend(harness, {}, { onHold: () => undefined });
    const connection = open().send(
      head('/test.Echo/ServerStream', web, chunked),
      chunk(frameMessage(encodeText('hold this'))),
    );
    // The method answers when its request is complete; the body goes on behind it.
    connection.send(chunk(''));
    await connection.until('this');

    connection.send('no chunk\r\n');

    expect((await connection.closed()).match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  it('refuses bodies when the gateway holds too much', async () => {
    await restart({ memoryBytesMax: 1_048_576 });
    await textBackend(harness);
    const part = Buffer.alloc(700_000);
    const connections = [1, 2, 3].map(() => open().send(head(unary, proto, chunked), chunk(part)));

    const first = await Promise.race(connections.map((one) => one.until('buffered bytes')));
    expect(first).toMatch(/^HTTP\/1.1 429 [^]*"resource_exhausted"/);
  });

  it('takes no body for the message of a GET', async () => {
    const backend = await textBackend(harness);
    const target = '/test.Echo/Look?encoding=proto&message=%0A%02hi';
    const get = `GET ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n`;
    const answer = async (): Promise<string> =>
      open()
        .send(get, encodeText('hello'))
        .until(/HTTP[^]*(hi|NO_SIDE)/);
    let text = await answer();
    // Until the gateway has learnt the schema.
    while (text.includes('NO_SIDE')) text = await answer();

    expect(text).toMatch(/^HTTP\/1.1 200 [^]*hi$/);
    expect(backend.calls).toBe(1);
  });

  it('holds a bounded part of what a client does not read', async () => {
    await textBackend(harness);
    const payload = 'x'.repeat(100_000);
    const connection = open();
    connection.socket.pause();
    connection.send(
      head('/test.Echo/ServerStream', web, chunked),
      chunk(frameMessage(encodeText(`100 ${payload}`))),
      '0\r\n\r\n',
    );
    // How much more depends on where the kernel's buffers were full.
    await eventually(() => harness.gateway.bufferedBytes > payload.length, 'a message is held');
    await settled(() => harness.gateway.bufferedBytes);

    expect(harness.gateway.bufferedBytes).toBeLessThan(1_000_000);
    connection.socket.resume();
    await eventually(() => connection.receivedBytes > 100 * payload.length, 'all has come');
    expect(await connection.until('grpc-status: 0')).toContain('200 OK');
    await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held');
  });

  it('reads a body no faster than the instance does', async () => {
    let reading: grpc.ServerReadableStream<Buffer, Buffer> | undefined;
    await textBackend(harness, {
      ClientStream: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: UnaryDone) => {
        reading = call;
        let bytes = 0;
        call.pause();
        call.on('data', (part: Buffer) => (bytes += part.length));
        call.pause();
        call.on('end', () => done(null, encodeText(String(bytes))));
      },
    });
    const part = chunk(frameMessage(Buffer.alloc(100_000)));
    const connection = open().send(head('/test.Echo/ClientStream', web, chunked));
    for (let count = 0; count < 200; count += 1) connection.send(part);
    connection.send('0\r\n\r\n');
    await eventually(() => harness.gateway.bufferedBytes > 200_000, 'the gateway holds something');
    await settled(() => connection.socket.bytesWritten - connection.socket.writableLength);

    expect(harness.gateway.bufferedBytes).toBeLessThan(1_000_000);
    expect(connection.socket.writableLength).toBeGreaterThan(5_000_000);
    reading?.resume();
    expect(await connection.until('grpc-status: 0')).toContain('20000000');
  });

  it('finishes open calls when the gateway stops, and closes the rest', async () => {
    const answers: UnaryDone[] = [];
    await textBackend(harness, {
      Unary: (_call: UnaryCall, done: UnaryDone) => answers.push(done),
    });
    const idle = open().send('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    const busy = open().send(whole);
    await idle.until('ok\n');
    await eventually(() => answers.length === 1, 'the call has come');

    const stopping = harness.gateway.stop();
    await idle.closed();
    expect(busy.isClosed).toBe(false);
    answers[0]?.(null, encodeText('finished'));

    expect(await busy.closed()).toMatch(/connection: close\r\n[^]*finished/);
    await stopping;
  });

  it('ends what does not end in time with GATEWAY_STOPPING', async () => {
    await restart({ drainTimeoutMs: 100 });
    const backend = await textBackend(harness, {
      Unary: (call: UnaryCall) => void backend.note(call),
    });
    const connect = open().send(whole);
    const grpcWeb = open().send(head(unary, web, chunked), chunk(message), '0\r\n\r\n');
    await eventually(() => backend.calls === 2, 'both have come');

    await harness.gateway.stop();

    expect(await connect.closed()).toMatch(/ 503 [^]*"code":"unavailable"[^]*is stopping/);
    expect(await grpcWeb.closed()).toMatch(/grpc-status: 14\r\n[^]*is stopping/);
  });
});

describe('gRPC-Web in text', () => {
  const text = 'Content-Type: application/grpc-web-text+proto';

  it('is base64 in both directions, cut anywhere', async () => {
    await textBackend(harness);
    const body = message.toString('base64');
    const connection = open().send(head(unary, text, chunked));
    for (const character of body) connection.send(chunk(character));

    const answer = await connection.send('0\r\n\r\n').until(/\r\n0\r\n\r\n$/);

    expect(answer).toContain('content-type: application/grpc-web-text+proto');
    expect(decoded(answer)).toContain('hello');
    expect(decoded(answer)).toContain('grpc-status: 0\r\n');
  });

  it('is counted as what it was', async () => {
    let end: () => void = () => undefined;
    await textBackend(harness, {}, { onHold: (given) => (end = given) });
    const request = frameMessage(encodeText('hold this')).toString('base64');
    const connection = open()
      .send(head('/test.Echo/ServerStream', text, chunked))
      .send(chunk(request), '0\r\n\r\n');
    await connection.until(frameMessage(encodeText('this')).toString('base64'));
    await eventually(() => harness.gateway.bufferedBytes <= 0, 'nothing is held');

    expect(harness.gateway.bufferedBytes).toBe(0);
    end();
    await connection.until(/\r\n0\r\n\r\n$/);
  });

  it('is answered in binary when the client accepts that', async () => {
    await textBackend(harness);

    const answer = await open()
      .send(head(unary, text, chunked, 'Accept: application/grpc-web'))
      .send(chunk(message.toString('base64')), '0\r\n\r\n')
      .until('grpc-status: 0');

    expect(answer).toContain('content-type: application/grpc-web+proto');
    expect(answer).toContain('hello');
  });

  it.each([
    ['no base64', '!!!!'],
    ['half a group', 'AAA'],
  ])('that is %s is refused', async (_what, body) => {
    const backend = await textBackend(harness);

    const answer = await open()
      .send(head(unary, text, chunked), chunk(body), '0\r\n\r\n')
      .until(/\r\n0\r\n\r\n$/);

    expect(decoded(answer)).toContain('grpc-status: 3\r\ngrpc-message: the body is not base64');
    expect(backend.calls).toBe(0);
  });

  /** The parts of a chunked body, each decoded. */
  function decoded(answer: string): string {
    const [, body = ''] = answer.split(/\r\n\r\n([^]*)/);
    const lines = body.split('\r\n');
    return lines
      .filter((_line, index) => index % 2 === 1)
      .map((part) => Buffer.from(part, 'base64').toString('latin1'))
      .join('');
  }
});

/** Waits until a number stays the same for a while. */
async function settled(read: () => number): Promise<void> {
  let before = Number.NaN;
  let rounds = 0;
  while (rounds < 10) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    rounds = read() === before ? rounds + 1 : 0;
    before = read();
  }
}
