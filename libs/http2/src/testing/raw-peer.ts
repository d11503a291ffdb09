import * as net from 'node:net';
import { flag, frame, preface, type } from './raw-frames';

const WAIT_MS = 20_000;

/** A frame that was received. */
export interface Received {
  readonly kind: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** What a {@link RawPeer} is made with. */
export interface RawPeerOptions {
  /** Bytes in front of the first frame. @default 0 */
  readonly skipped?: number;
  /** Frames that are kept, the newest ones. @default all */
  readonly framesMax?: number;
  /** What it announces in its SETTINGS. @default nothing */
  readonly settings?: Uint8Array;
}

/** One end of a connection that says exactly what it is told to. */
export class RawPeer {
  readonly frames: Received[] = [];
  closed = false;
  private bytes: Buffer = Buffer.alloc(0);
  private skipped: number;
  private readonly framesMax: number;
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly socket: net.Socket,
    { skipped = 0, framesMax = Number.POSITIVE_INFINITY }: RawPeerOptions = {},
  ) {
    this.skipped = skipped;
    this.framesMax = framesMax;
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
    socket.on('drain', () => this.wake());
    socket.on('data', (chunk: Buffer) => this.read(chunk));
  }

  /** A client that has said hello and acknowledged the server's SETTINGS. @throws when nobody listens, or the server closes before */
  static async connect(address: string, options: RawPeerOptions = {}): Promise<RawPeer> {
    const peer = await RawPeer.silent(address, options);
    peer.send(preface, frame(type.settings, 0, 0, options.settings));
    await peer.first(({ kind, flags }) => kind === type.settings && flags === 0);
    peer.send(frame(type.settings, flag.ack, 0));
    return peer;
  }

  /** A client that has said nothing. @throws the system's error */
  static async silent(address: string, options: RawPeerOptions = {}): Promise<RawPeer> {
    const [host = '', port = ''] = address.split(':');
    const socket = net.connect({ host, port: Number(port), noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.removeListener('error', reject);
        resolve();
      });
    });
    return new RawPeer(socket, options);
  }

  send(...frames: Uint8Array[]): void {
    if (!this.closed) this.socket.write(Buffer.concat(frames));
  }

  /** Waits until the system has taken what was sent, or the connection is closed. Yields whether it has, in that time. */
  async drained(withinMs = WAIT_MS): Promise<boolean> {
    return await this.until(() => this.closed || this.socket.writableLength === 0, withinMs);
  }

  /** The first frame of that kind, now or later. */
  async first(matches: (one: Received) => boolean): Promise<Received> {
    const found = (): Received | undefined => this.frames.find(matches);
    if (!(await this.until(() => this.closed || found() !== undefined)))
      throw new Error(`not within ${WAIT_MS} ms: a frame`);
    const frameFound = found();
    if (frameFound === undefined) throw new Error('the connection was closed without the frame');
    return frameFound;
  }

  /** How the connection ends: the GOAWAY's code and text. */
  async goaway(): Promise<{ code: number; text: string }> {
    const { payload } = await this.first(
      ({ kind, payload: bytes }) => kind === type.goaway && bytes.readUInt32BE(4) !== 0,
    );
    if (!(await this.until(() => this.closed)))
      throw new Error(`not within ${WAIT_MS} ms: the connection is closed`);
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

  /** Yields false when the time is over. */
  private until(condition: () => boolean, withinMs = WAIT_MS): Promise<boolean> {
    if (condition()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (isSo: boolean): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(isSo);
      };
      const look = (): void => {
        if (condition()) end(true);
      };
      const timer = setTimeout(() => end(false), withinMs);
      this.waiting.add(look);
    });
  }

  private wake(): void {
    for (const look of this.waiting) look();
  }

  private read(chunk: Buffer): void {
    this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]);
    let position = Math.min(this.skipped, this.bytes.length);
    this.skipped -= position;
    while (this.bytes.length - position >= 9) {
      const end = position + 9 + this.bytes.readUIntBE(position, 3);
      if (end > this.bytes.length) break;
      this.frames.push({
        kind: this.bytes[position + 3] ?? 0,
        flags: this.bytes[position + 4] ?? 0,
        streamId: this.bytes.readUInt32BE(position + 5),
        payload: Buffer.from(this.bytes.subarray(position + 9, end)),
      });
      if (this.frames.length > this.framesMax) this.frames.shift();
      position = end;
    }
    this.bytes = this.bytes.subarray(position);
    this.wake();
  }
}

/** A server of raw peers. */
export class RawServer {
  readonly peers: RawPeer[] = [];
  address = '';
  private readonly server: net.Server;

  /** @param onPeer is called with each connection; SETTINGS have been sent when `greets` */
  constructor(onPeer: (peer: RawPeer) => void, greets = true, options: RawPeerOptions = {}) {
    this.server = net.createServer((socket) => {
      const peer = new RawPeer(socket, { ...options, skipped: preface.length });
      this.peers.push(peer);
      if (greets)
        peer.send(frame(type.settings, 0, 0, options.settings), frame(type.settings, flag.ack, 0));
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
