import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { type AddressInfo } from 'node:net';
import { http2Code } from '@raftway/http2';
import { flag, frame, RawServer, type } from '@raftway/http2/testing';
import { instanceOf } from './support/fake-view';
import { errorInfo, eventually, Harness } from './support/harness';

/** A backend that answers every stream with an HTTP status that node:http2 itself would not send. */
function answering(status: string): Promise<RawServer> {
  // HPACK: a literal value for the static table's name 8, `:status`.
  const headers = Buffer.concat([Buffer.from([0x08, status.length]), Buffer.from(status)]);
  return new RawServer((peer) => {
    peer.socket.on('data', () => {
      for (const { kind, streamId } of peer.frames.splice(0))
        if (kind === type.headers)
          peer.send(frame(type.headers, flag.endHeaders, streamId, headers));
    });
  }).start();
}

describe('an instance that answers with an HTTP status that does not exist', () => {
  it('fails the call and nothing else', async () => {
    const harness = await Harness.start();
    const server = await answering('700');
    harness.view.set(instanceOf(server.address));

    const outcome = await harness.client().unary('hello');

    expect(outcome.code).toBe(2);
    expect(errorInfo(outcome.trailers)?.reason).toBe('UPSTREAM_RESET');
    await harness.close();
    await server.stop();
  });
});

describe('an instance that floods the connection on which it is asked for its files', () => {
  it('is closed for it, as on the connections of calls', async () => {
    const harness = await Harness.start();
    const flood = Buffer.concat(
      Array.from({ length: 3000 }, () => frame(0x0c, 0, 0, Buffer.alloc(30))),
    );
    const ends: Promise<{ code: number }>[] = [];
    const server = await new RawServer((peer) => {
      ends.push(peer.goaway());
      peer.send(flood);
    }).start();
    harness.view.set(instanceOf(server.address));

    await eventually(() => ends.length > 0, 'the instance is asked for its files');

    expect(await ends[0]).toEqual(expect.objectContaining({ code: http2Code.enhanceYourCalm }));
    await harness.close();
    await server.stop();
  });
});

describe('an instance that answers without gRPC', () => {
  let harness: Harness;
  let server: Http2Server;
  beforeEach(async () => {
    harness = await Harness.start();
    server = createHttp2Server((_request, response) => {
      response.writeHead(503, { 'content-type': 'text/plain' }).end('go away');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    harness.view.set(instanceOf(`127.0.0.1:${port}`));
  });
  afterEach(async () => {
    await harness.close();
    server.close();
  });

  it.each([
    ['application/proto', 503, /^{"code":"unavailable","message":"[^"]*HTTP status 503/],
    ['application/connect+proto', 200, /^[^]{5}{"error":{"code":"unavailable","message"/],
    ['application/grpc-web+proto', 503, /^go away$/],
  ])('fails a call of %s', async (contentType, status, body) => {
    const answer = await fetch(`http://${harness.gateway.address}/test.Echo/Unary`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: new Uint8Array([0, 0, 0, 0, 0]),
    });

    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(body);
  });
});
