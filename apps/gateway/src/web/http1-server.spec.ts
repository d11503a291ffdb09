import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { type StreamListener } from '@raftway/http2';
import { sendHttpResponse } from '../proxy/reply';
import { ConnectionAges } from './connection-ages';
import { type HttpExchange } from './http-exchange';
import { Http1Server } from './http1-server';

describe('an exchange of HTTP/1.1', () => {
  it.each([
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', true, []],
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n', true, []],
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi', false, ['data hi', 'end']],
    ['POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n', false, ['end']],
  ])('of %j tells what a stream of the port would', async (request, requestEnded, events) => {
    const exchange = await exchanged(request);

    expect(exchange.requestEnded).toBe(requestEnded);
    expect(exchange.events).toEqual([...events, 'sent 3', 'closed']);
  });

  it('tells a client that comes during a drain to come no more', async () => {
    const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

    expect((await exchanged(get)).answer).toMatch(/connection: keep-alive/i);
    expect((await exchanged(get, (http1) => void http1.drain())).answer).toMatch(
      /connection: close/i,
    );
  });

  /** Has a request answered, and what its listener was told. */
  async function exchanged(
    request: string,
    prepare: (http1: Http1Server) => void = () => undefined,
  ): Promise<{ requestEnded: boolean; events: string[]; answer: string }> {
    const events: string[] = [];
    let answer = '';
    let requestEnded = false;
    let client: Socket | undefined;
    await new Promise<void>((resolve) => {
      const http1 = newServer((exchange) => {
        ({ requestEnded } = exchange);
        exchange.stream.setListener(listenerOf(events, resolve));
        // A turn later, when the body has been told of.
        setImmediate(() => sendHttpResponse(exchange.stream, 200, [], Buffer.from('abc')));
      });
      const server = createServer((socket) => {
        server.close();
        socket.on('close', () => http1.destroy());
        prepare(http1);
        http1.adopt(socket);
      }).listen(0, '127.0.0.1', () => {
        client = connect((server.address() as AddressInfo).port, '127.0.0.1');
        client.on('data', (chunk) => (answer += chunk.toString()));
        client.write(request);
      });
    });
    while (!answer.endsWith('abc')) await new Promise((resolve) => setImmediate(resolve));
    client?.destroy();
    return { requestEnded, events, answer };
  }
});

function newServer(onExchange: (exchange: HttpExchange) => void): Http1Server {
  return new Http1Server({
    headerBytesMax: 16_384,
    headerCountMax: 100,
    streamBufferBytesMax: 65_536,
    connectionIdleMs: 10_000,
    keepaliveMs: 10_000,
    headersTimeoutMs: 10_000,
    bodyTimeoutMs: 10_000,
    ages: new ConnectionAges({ ageMaxMs: Infinity, graceMs: 0, random: () => 0 }),
    nowMs: () => performance.now(),
    onExchange,
    onConnectionError: () => undefined,
  });
}

function listenerOf(events: string[], onClosed: () => void): StreamListener {
  return {
    onHeaders: () => undefined,
    onData: (chunk) => void events.push(`data ${Buffer.from(chunk).toString()}`),
    onEnd: () => void events.push('end'),
    onSent: (bytes) => void events.push(`sent ${bytes}`),
    onReset: () => void events.push('reset'),
    onClosed: () => {
      events.push('closed');
      onClosed();
    },
  };
}
