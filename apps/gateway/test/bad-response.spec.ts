import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { instanceOf } from './support/fake-view';
import { errorInfo, Harness } from './support/harness';

const frameType = { headers: 1, settings: 4 } as const;
const endHeaders = 4;

function frame(type: number, flags: number, streamId: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A backend that answers every stream with an HTTP status that node:http2 itself would not send. */
function answering(status: string): Promise<Server> {
  // HPACK: a literal value for the static table's name 8, `:status`.
  const headers = Buffer.concat([Buffer.from([0x08, status.length]), Buffer.from(status)]);
  const serve = (socket: Socket): void => {
    let seen = Buffer.alloc(0);
    let position = 24;
    socket.on('error', () => undefined);
    socket.write(frame(frameType.settings, 0, 0, Buffer.alloc(0)));
    socket.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      while (seen.length >= position + 9) {
        const end = position + 9 + seen.readUIntBE(position, 3);
        if (seen.length < end) return;
        if (seen[position + 3] === frameType.headers) {
          socket.write(
            frame(frameType.headers, endHeaders, seen.readUInt32BE(position + 5), headers),
          );
        }
        position = end;
      }
    });
  };
  return new Promise((resolve) => {
    const server = createServer(serve).listen(0, '127.0.0.1', () => resolve(server));
  });
}

describe('an instance that answers with an HTTP status that does not exist', () => {
  it('fails the call and nothing else', async () => {
    const harness = await Harness.start();
    const server = await answering('700');
    const { port } = server.address() as AddressInfo;
    harness.view.set(instanceOf(`127.0.0.1:${port}`));

    const outcome = await harness.client().unary('hello');

    expect(outcome.code).toBe(2);
    expect(errorInfo(outcome.trailers)?.reason).toBe('UPSTREAM_RESET');
    await harness.close();
    server.close();
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
