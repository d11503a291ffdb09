import * as net from 'node:net';
import { eventually } from './harness';

/** Frame types by name (RFC 9113 §6). */
export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** One frame, right or wrong. */
export function frame(
  kind: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A 32-bit number. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** One setting. */
export function setting(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)]);
}

/** An HPACK block of literals, without tables and without Huffman: written apart from the code under test. */
export function block(...pairs: string[]): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index < pairs.length; index += 2)
    parts.push(Buffer.from([0]), text(pairs[index] ?? ''), text(pairs[index + 1] ?? ''));
  return Buffer.concat(parts);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length: number[] = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push(128 | (rest % 128));
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** The headers of a good call. */
export const good = [
  ...[':method', 'POST', ':scheme', 'http', ':path', '/test.Echo/Bidi', ':authority', 'x'],
  ...['content-type', 'application/grpc', 'te', 'trailers'],
];

/** HEADERS of a call. */
export function headers(streamId: number, pairs: string[] = good, flags = 0): Buffer {
  return frame(type.headers, flags | flag.endHeaders, streamId, block(...pairs));
}

/** A frame that was received. */
export interface Received {
  readonly kind: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** One end of a connection that says exactly what it is told to. */
export class RawPeer {
  readonly frames: Received[] = [];
  closed = false;
  private bytes = Buffer.alloc(0);

  /** @param skipped bytes in front of the first frame */
  constructor(
    readonly socket: net.Socket,
    private skipped = 0,
  ) {
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
    socket.on('data', (chunk: Buffer) => this.read(chunk));
  }

  /** A client that has said hello and acknowledged the server's SETTINGS. */
  static async connect(address: string, settings: Uint8Array = Buffer.alloc(0)): Promise<RawPeer> {
    const peer = await RawPeer.silent(address);
    peer.send(preface, frame(type.settings, 0, 0, settings));
    await peer.first(({ kind, flags }) => kind === type.settings && flags === 0);
    peer.send(frame(type.settings, flag.ack, 0));
    return peer;
  }

  /** A client that has said nothing. */
  static async silent(address: string): Promise<RawPeer> {
    const [host = '', port = ''] = address.split(':');
    const socket = net.connect({ host, port: Number(port), noDelay: true });
    await new Promise((resolve) => socket.once('connect', resolve));
    return new RawPeer(socket);
  }

  send(...frames: Uint8Array[]): void {
    if (!this.closed) this.socket.write(Buffer.concat(frames));
  }

  /** The first frame of that kind, now or later. */
  async first(matches: (one: Received) => boolean): Promise<Received> {
    await eventually(() => this.closed || this.frames.some(matches), 'a frame');
    const found = this.frames.find(matches);
    if (found === undefined) throw new Error('the connection was closed without the frame');
    return found;
  }

  /** How the connection ends: the GOAWAY's code and text. */
  async goaway(): Promise<{ code: number; text: string }> {
    const { payload } = await this.first(
      ({ kind, payload: bytes }) => kind === type.goaway && bytes.readUInt32BE(4) !== 0,
    );
    await eventually(() => this.closed, 'the connection is closed');
    return { code: payload.readUInt32BE(4), text: payload.toString('latin1', 8) };
  }

  /** The code that a stream is reset with. */
  async resetOf(streamId: number): Promise<number> {
    const { payload } = await this.first(
      (one) => one.kind === type.reset && one.streamId === streamId,
    );
    return payload.readUInt32BE(0);
  }

  /** Waits until the other side has read all that was sent. */
  async sync(): Promise<void> {
    const mark = Buffer.from('sync0000');
    mark.writeUInt32BE(this.frames.length, 4);
    this.send(frame(type.ping, 0, 0, mark));
    await this.first(({ kind, payload }) => kind === type.ping && payload.equals(mark));
  }

  destroy(): void {
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    const skipped = Math.min(this.skipped, this.bytes.length);
    this.skipped -= skipped;
    let position = skipped;
    while (this.bytes.length - position >= 9) {
      const end = position + 9 + this.bytes.readUIntBE(position, 3);
      if (end > this.bytes.length) break;
      this.frames.push({
        kind: this.bytes[position + 3] ?? 0,
        flags: this.bytes[position + 4] ?? 0,
        streamId: this.bytes.readUInt32BE(position + 5),
        payload: Buffer.from(this.bytes.subarray(position + 9, end)),
      });
      position = end;
    }
    this.bytes = this.bytes.subarray(position);
  }
}

/** A server of raw peers. */
export class RawServer {
  readonly peers: RawPeer[] = [];
  address = '';
  private readonly server: net.Server;

  /** @param onPeer is called with each connection; SETTINGS have been sent when `greets` */
  constructor(onPeer: (peer: RawPeer) => void, greets = true) {
    this.server = net.createServer((socket) => {
      const peer = new RawPeer(socket, preface.length);
      this.peers.push(peer);
      if (greets) peer.send(frame(type.settings, 0, 0), frame(type.settings, flag.ack, 0));
      onPeer(peer);
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.address = `127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    for (const peer of this.peers) peer.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
