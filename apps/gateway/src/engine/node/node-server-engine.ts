import {
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
} from 'node:http2';
import { type Socket } from 'node:net';
import { http2Code } from '../../domain/http2-codes';
import { type ServerEngine, type ServerLimits, type ServerListener } from '../engine';
import { Keepalive } from './keepalive';
import { NodeServerStream } from './node-server-stream';
import { type StreamOwner } from './node-stream';

const endStreamFlag = 1;
/** How often idle and dead connections are looked for, in milliseconds. */
const sweepMs = 1000;
/** How long the first step of a drain waits for the client's answer, in milliseconds. */
const drainNoticeMs = 500;
/** The greatest stream id: the first GOAWAY of a drain refuses nothing (RFC 9113 §6.8). */
const lastStreamIdMax = 2 ** 31 - 1;
/** Receive window of a whole connection. Streams have their own; this one only has to be no bottleneck. */
const connectionWindowBytes = 4 * 1024 * 1024;

/** The server side on `node:http2`. */
export class NodeServerEngine implements ServerEngine {
  private readonly connections = new Set<ServerConnection>();
  private readonly sweep: NodeJS.Timeout;
  private drained: (() => void) | undefined;
  private draining = false;

  constructor(
    private readonly limits: ServerLimits,
    private readonly listener: ServerListener,
  ) {
    this.sweep = setInterval(() => this.checkConnections(), sweepMs);
    this.sweep.unref();
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  get streamCount(): number {
    let count = 0;
    for (const connection of this.connections) count += connection.streamCount;
    return count;
  }

  adopt(socket: Socket): void {
    const connection = new ServerConnection(socket, this.limits, this.listener, () => {
      this.connections.delete(connection);
      if (this.connections.size === 0) this.drained?.();
    });
    this.connections.add(connection);
    if (this.draining) connection.drain();
  }

  drain(): Promise<void> {
    this.draining = true;
    return new Promise((resolve) => {
      if (this.connections.size === 0) return resolve();
      this.drained = resolve;
      for (const connection of this.connections) connection.drain();
    });
  }

  destroy(): void {
    clearInterval(this.sweep);
    for (const connection of this.connections) connection.destroy();
  }

  private checkConnections(): void {
    const nowMs = performance.now();
    for (const connection of this.connections) connection.check(nowMs);
  }
}

class ServerConnection implements StreamOwner {
  streamCount = 0;
  private readonly session: ServerHttp2Session;
  private readonly keepalive: Keepalive;
  private readonly clientAddress: string;
  private idleSinceMs = performance.now();

  constructor(
    private readonly socket: Socket,
    private readonly limits: ServerLimits,
    private readonly listener: ServerListener,
    onClosed: () => void,
  ) {
    this.clientAddress = socket.remoteAddress ?? '';
    socket.on('error', () => undefined);
    this.session = performServerHandshake(socket, sessionOptions(limits));
    this.keepalive = new Keepalive(this.session, socket, limits, this.idleSinceMs);
    this.session.on('stream', this.onStream);
    this.session.on('error', (error: Error & { code?: string }) =>
      listener.onConnectionError(error.code ?? error.message),
    );
    this.session.once('close', onClosed);
    this.session.setLocalWindowSize(connectionWindowBytes);
  }

  isLost(): boolean {
    return this.session.destroyed || this.socket.destroyed;
  }

  isBeyondGoaway(): boolean {
    return false;
  }

  streamClosed(): void {
    this.streamCount -= 1;
    if (this.streamCount === 0) this.idleSinceMs = performance.now();
  }

  check(nowMs: number): void {
    if (this.keepalive.check(nowMs, this.streamCount > 0)) {
      this.listener.onConnectionError('keepalive timeout');
      this.destroy();
    } else if (this.streamCount === 0 && nowMs - this.idleSinceMs >= this.limits.connectionIdleMs)
      this.session.close();
  }

  drain(): void {
    if (this.session.destroyed || this.session.closed) return;
    // Step one tells the client to open no more streams, and refuses none that are already on the way. Step two, after
    // the client has answered a PING that was sent behind it, names the last stream; nothing can have crossed it.
    this.session.goaway(http2Code.noError, lastStreamIdMax);
    const finish = (): void => {
      clearTimeout(timer);
      if (!this.session.destroyed && !this.session.closed) this.session.close();
    };
    const timer = setTimeout(finish, drainNoticeMs);
    this.session.ping(finish);
  }

  destroy(): void {
    this.session.destroy();
    this.socket.destroy();
  }

  private readonly onStream = (
    stream: ServerHttp2Stream,
    _headers: unknown,
    flags: number,
    raw?: string[],
  ): void => {
    this.streamCount += 1;
    const endOfStream = (flags & endStreamFlag) !== 0;
    const held = this.limits.streamBufferBytesMax;
    const wrapped = new NodeServerStream(stream, this, held, endOfStream);
    this.listener.onStream(wrapped, raw ?? [], endOfStream, this.clientAddress);
  };
}

function sessionOptions(limits: ServerLimits): ServerSessionOptions {
  const options = {
    maxSessionMemory: Math.max(1, Math.round(limits.connectionMemoryBytesMax / 1_000_000)),
    maxHeaderListPairs: limits.headerCountMax,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    streamResetBurst: limits.streamResetBurst,
    streamResetRate: limits.streamResetsPerSecond,
    // Repeated single-value headers are the backend's to judge.
    strictSingleValueFields: false,
    settings: {
      enablePush: false,
      maxConcurrentStreams: limits.connectionStreamsMax,
      initialWindowSize: limits.streamBufferBytesMax,
      maxHeaderListSize: limits.headerListBytesMax,
    },
  };
  return options;
}
