import {
  type ClientHttp2Session,
  connect,
  type SecureClientSessionOptions,
  type Settings,
} from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import {
  type ClientConnection,
  type ClientEngine,
  type ClientLimits,
  type ConnectionListener,
  type EngineStream,
  type HeaderPairs,
  type StreamListener,
} from '../engine';
import { Keepalive } from './keepalive';
import { NodeClientStream } from './node-client-stream';
import { type StreamOwner } from './node-stream';

/** How often dead connections are looked for, in milliseconds. */
const sweepMs = 1000;
/**
 * Streams that one connection is used for. Ids are odd and end at 2^31 - 1 (RFC 9113 §5.1.1), so that 2^30 is the most; half of it leaves
 * the streams that are open then all the room they need.
 */
const streamsInAllMax = 2 ** 29;
const connectionWindowBytes = 4 * 1024 * 1024;
const withBody = { endStream: false };
const withoutBody = { endStream: true };

/** The client side on `node:http2`. */
export class NodeClientEngine implements ClientEngine {
  /** @param streamsMax streams after which a connection is closed and another one made. */
  constructor(
    private readonly limits: ClientLimits,
    private readonly streamsMax = streamsInAllMax,
  ) {}

  connect(address: string, listener: ConnectionListener): ClientConnection {
    return new NodeClientConnection(address, this.limits, listener, this.streamsMax);
  }
}

class NodeClientConnection implements ClientConnection, StreamOwner {
  streamCount = 0;
  private readonly socket: Socket;
  private readonly session: ClientHttp2Session;
  private readonly keepalive: Keepalive;
  private readonly connectTimer: NodeJS.Timeout;
  private readonly sweep: NodeJS.Timeout;
  private streamsMax = 0;
  private ready = false;
  private draining = false;
  private closed = false;
  private goawayLastStreamId: number | undefined;
  private failure = 'closed';

  constructor(
    address: string,
    private readonly limits: ClientLimits,
    private readonly listener: ConnectionListener,
    private streamsLeft: number,
  ) {
    const { host, port } = splitAddress(address);
    this.socket = connectSocket({ host, port, noDelay: true });
    // Before the session's own listeners, so that a broken socket is known when its streams end.
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.noteFailure(error));
    this.session = connect(`http://${address}`, sessionOptions(this.socket, limits));
    this.keepalive = new Keepalive(this.session, this.socket, limits, performance.now());
    this.session.once('connect', () => this.session.setLocalWindowSize(connectionWindowBytes));
    this.session.on('remoteSettings', (settings: Settings) => {
      this.streamsMax = Math.min(
        limits.connectionStreamsMax,
        settings.maxConcurrentStreams ?? Number.MAX_SAFE_INTEGER,
      );
      if (this.ready) return this.listener.onCapacity();
      this.ready = true;
      clearTimeout(this.connectTimer);
      this.listener.onReady();
    });
    this.session.on('goaway', (_code: number, lastStreamId: number) => {
      this.goawayLastStreamId = lastStreamId;
      this.startDraining();
    });
    this.session.on('error', (error: NodeJS.ErrnoException) => this.noteFailure(error));
    this.session.once('close', () => this.finish());
    this.connectTimer = setTimeout(() => {
      this.failure = `no answer within ${limits.connectTimeoutMs} ms`;
      this.destroy();
    }, limits.connectTimeoutMs);
    this.sweep = setInterval(() => this.checkAlive(), sweepMs);
    this.sweep.unref();
  }

  get hasCapacity(): boolean {
    return (
      this.ready &&
      !this.draining &&
      this.streamCount < this.streamsMax &&
      !this.session.closed &&
      !this.session.destroyed
    );
  }

  open(headers: HeaderPairs, endOfStream: boolean, listener: StreamListener): EngineStream {
    this.streamCount += 1;
    const stream = this.session.request(headers, endOfStream ? withoutBody : withBody);
    const held = this.limits.streamBufferBytesMax;
    const wrapped = new NodeClientStream(stream, this, held, endOfStream, listener);
    this.streamsLeft -= 1;
    if (this.streamsLeft === 0) this.drain();
    return wrapped;
  }

  probe(): void {
    if (this.ready) this.keepalive.ping(performance.now());
  }

  drain(): void {
    this.startDraining();
    this.closeWhenDrained();
  }

  destroy(): void {
    this.socket.destroy();
    this.session.destroy();
  }

  isLost(): boolean {
    return this.closed || this.session.destroyed || this.socket.destroyed;
  }

  isBeyondGoaway(streamId: number | undefined): boolean {
    // Without an id the request never left this process.
    if (streamId === undefined) return true;
    return this.goawayLastStreamId !== undefined && streamId > this.goawayLastStreamId;
  }

  streamClosed(): void {
    this.streamCount -= 1;
    if (this.draining) this.closeWhenDrained();
    else if (!this.closed) this.listener.onCapacity();
  }

  private startDraining(): void {
    if (this.draining) return;
    this.draining = true;
    if (this.ready) this.listener.onDraining();
  }

  /** Not before: the GOAWAY of a close overtakes a request that was made in the same turn, and the peer then never answers that. */
  private closeWhenDrained(): void {
    if (this.streamCount === 0 && !this.session.destroyed) this.session.close();
  }

  private checkAlive(): void {
    if (!this.ready || !this.keepalive.check(performance.now(), this.streamCount > 0)) return;
    this.failure = `no answer to a PING within ${this.limits.keepaliveTimeoutMs} ms`;
    this.destroy();
  }

  private noteFailure(error: NodeJS.ErrnoException): void {
    this.failure = error.code ?? error.message;
  }

  private finish(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.connectTimer);
    clearInterval(this.sweep);
    this.listener.onClosed(this.failure, this.ready);
  }
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}

function sessionOptions(socket: Socket, limits: ClientLimits): SecureClientSessionOptions {
  const options = {
    createConnection: () => socket,
    maxSessionMemory: Math.max(1, Math.round(limits.connectionMemoryBytesMax / 1_000_000)),
    maxHeaderListPairs: limits.headerCountMax,
    maxSettings: 32,
    maxReservedRemoteStreams: 0,
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      initialWindowSize: limits.streamBufferBytesMax,
      maxHeaderListSize: limits.headerListBytesMax,
    },
  };
  return options;
}
