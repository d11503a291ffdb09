import { frame, headers, RawPeer, RawServer, setting, type } from '@raftway/http2/testing';
import { collect } from './support/echo-backend';
import { instanceOf } from './support/fake-view';
import { eventually, Harness } from './support/harness';

const INITIAL_WINDOW = 4;
const START = 16_384;
const LARGEST = 262_144;
const ANSWER = 2_000_000;

/** A connection of an instance that sends one large message, as fast as it is allowed to. */
class Sender {
  /** The window of the stream: at the beginning, now, and the most that it was. */
  start = 0;
  window = 0;
  most = 0;
  left = ANSWER;

  constructor(peer: RawPeer) {
    peer.socket.on('data', () => {
      for (const { kind, flags, streamId, payload } of peer.frames.splice(0)) {
        if (kind === type.settings && flags === 0)
          for (let at = 0; at < payload.length; at += 6)
            if (payload.readUInt16BE(at) === INITIAL_WINDOW)
              this.start = payload.readUInt32BE(at + 2);
        if (kind === type.headers) this.begin(peer);
        if (kind === type.windowUpdate && streamId === 1) this.window += payload.readUInt32BE(0);
      }
      this.send(peer);
    });
  }

  private begin(peer: RawPeer): void {
    this.window = this.start;
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(ANSWER - 5, 1);
    peer.send(headers(1, [':status', '200']), frame(type.data, 0, 1, prefix));
    this.window -= 5;
    this.left -= 5;
  }

  private send(peer: RawPeer): void {
    this.most = Math.max(this.most, this.window);
    while (this.window > 0 && this.left > 0) {
      const bytes = Math.min(this.window, this.left, 16_384);
      peer.send(frame(type.data, 0, 1, Buffer.alloc(bytes)));
      this.window -= bytes;
      this.left -= bytes;
      if (this.left === 0) peer.send(headers(1, ['grpc-status', '0'], 1));
    }
  }
}

let harness: Harness;
/** Of each connection: that of the call, and one on which the gateway asks for the instance's files. */
let senders: Sender[];
let instance: RawServer;

beforeEach(async () => {
  senders = [];
  instance = await new RawServer((peer) => void senders.push(new Sender(peer))).start();
  harness = await Harness.start();
  harness.view.set(instanceOf(instance.address));
});

afterEach(async () => {
  await harness.close();
  await instance.stop();
});

describe('the window of an answer', () => {
  it('is small at first, and grows to the largest while a client takes what comes', async () => {
    const { code } = await collect(harness.client().serverStream(''));

    expect(code).toBe(0);
    const sender = senders.find(({ start }) => start === START);
    expect(sender?.most).toBeGreaterThan(4 * START);
    expect(sender?.most).toBeLessThanOrEqual(LARGEST);
  });

  it('stays small for a client that does not', async () => {
    const peer = await RawPeer.connect(harness.gateway.address, {
      settings: setting(INITIAL_WINDOW, 0),
    });
    peer.send(headers(1));

    await eventually(() => harness.gateway.bufferedBytes === START, 'as much as may be is held');
    await peer.sync();

    expect(harness.gateway.bufferedBytes).toBe(START);
    peer.destroy();
  });
});
