import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { FlushScheduler, FrameServerEngine } from '@raftway/http2';
import { flag, frame, headers, RawPeer, RawServer, type } from '@raftway/http2/testing';
import { collect } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { Harness } from './support/harness';

const CALLS = 5000;
const MEBIBYTE = 1024 * 1024;

const limits = {
  connectionStreamsMax: 2 * CALLS,
  headerListBytesMax: 65_536,
  headerCountMax: 100,
  streamBufferBytesMax: 65_536,
  connectionMemoryBytesMax: 10_000_000,
  connectionIdleMs: 60_000,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 10_000,
  streamResetBurst: 1000,
  streamResetsPerSecond: 200,
};

let server: Server;
let address: string;
let taken: number;
let accepted: Socket[];

beforeEach(async () => {
  taken = 0;
  accepted = [];
  const onStream = (): void => void (taken += 1);
  const engine = new FrameServerEngine(
    limits,
    { onStream, onConnectionError: () => undefined },
    new FlushScheduler(),
  );
  server = createServer((socket) => {
    accepted.push(socket);
    engine.adopt(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => new Promise((resolve) => server.close(resolve)));

describe('a client that sends thousands of calls at once', () => {
  it('has its share of each turn, and others have theirs', async () => {
    const busy = await RawPeer.connect(address);
    const other = await RawPeer.connect(address);

    busy.send(
      ...Array.from({ length: CALLS }, (_unused, at) =>
        headers(1 + 2 * at, undefined, flag.endStream),
      ),
    );
    await other.sync();
    const takenMeanwhile = taken;
    await busy.sync();

    expect(takenMeanwhile).toBeLessThan(CALLS / 5);
    expect(taken).toBe(CALLS);
    busy.destroy();
    other.destroy();
  });
});

describe('a client that goes on sending when its connection is closed for what it sent', () => {
  it('sees why, and is read no faster than that takes', async () => {
    const busy = await RawPeer.connect(address);
    const [socket] = accepted;
    if (socket === undefined) throw new Error('nobody was accepted');
    const ended = once(socket, 'close');
    const flood = frame(type.ping, 0, 0, Buffer.alloc(8));
    const more = Buffer.alloc(MEBIBYTE, flood.subarray(0, 17));

    busy.send(frame(type.ping, 0, 1, Buffer.alloc(8)));
    for (let mebibytes = 0; mebibytes < 64; mebibytes += 1) busy.send(more);
    const goaway = await busy.first(({ kind }) => kind === type.goaway);
    await ended;

    expect(goaway.payload.toString('latin1', 8)).toBe('PING on a stream');
    // A second, in which it is read a hundred times.
    expect(socket.bytesRead).toBeLessThan(16 * MEBIBYTE);
    busy.destroy();
  });
});

describe('an instance that sends thousands of messages', () => {
  it('and ends the connection at once has had all of them passed on', async () => {
    const message = frame(type.data, 0, 1, Buffer.from([0, 0, 0, 0, 1, 7]));
    const instance = await new RawServer((peer) => {
      void peer
        .first(({ kind }) => kind === type.headers)
        .then(() => {
          peer.send(
            headers(1, [':status', '200']),
            ...Array.from({ length: CALLS }, () => message),
            headers(1, ['grpc-status', '0'], flag.endStream),
          );
          peer.socket.end();
        });
    }).start();
    const harness = await Harness.start();
    harness.view.set(instanceOf(instance.address));
    const call = harness.client().serverStream('');

    const { code, messages } = await collect(call);

    expect([code, messages.length]).toEqual([0, CALLS]);
    await harness.close();
    await instance.stop();
  });
});
