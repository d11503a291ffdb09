import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type ServerEngine } from '@raftway/http2';
import { type ServerTls, TlsAcceptor } from '@raftway/tls';
import { type Http1Server } from '../web/http1-server';

/** What every HTTP/2 connection begins with (RFC 9113 §3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** Bytes after which an HTTP/1.1 request line has shown its method; `PRI` is no method of HTTP/1.1. */
const methodPattern = /^[A-Z]{3,20} /;

/** What a {@link FrontDoor} needs. */
export interface FrontDoorSettings {
  /** host:port; port 0 takes any free one. */
  readonly bind: string;
  readonly engine: ServerEngine;
  readonly http1: Http1Server;
  readonly connectionsMax: number;
  /** How long a new connection may take to show its protocol, in milliseconds. */
  readonly prefaceTimeoutMs: number;
  /** @default plaintext */
  readonly tls?: ServerTls | undefined;
  readonly onRefused: (cause: 'too_many' | 'slow' | 'garbage') => void;
}

/**
 * The gateway's one port. Looks at the first bytes of a connection and hands the socket to the engine for HTTP/2, or to
 * the HTTP/1.1 server. Anything else is closed.
 */
export class FrontDoor {
  private readonly server: Server;
  private readonly acceptor: TlsAcceptor | undefined;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly settings: FrontDoorSettings) {
    const { tls } = settings;
    this.acceptor =
      tls &&
      new TlsAcceptor({
        ...tls,
        protocols: ['h2', 'http/1.1'],
        onSocket: (socket) => this.admit(socket),
      });
    this.server = createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  /** Connections of all protocols. */
  get connectionCount(): number {
    return this.sockets.size;
  }

  /** Starts to listen and yields host:port. @throws the system's error, such as EADDRINUSE */
  listen(): Promise<string> {
    const colon = this.settings.bind.lastIndexOf(':');
    const host = this.settings.bind.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
    const port = Number(this.settings.bind.slice(colon + 1));
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ host, port, backlog: 1024 }, () => {
        this.server.removeListener('error', reject);
        const address = this.server.address() as AddressInfo;
        const bound = address.family === 'IPv6' ? `[${address.address}]` : address.address;
        resolve(`${bound}:${address.port}`);
      });
    });
  }

  /** Takes no further connections. */
  stopListening(): void {
    this.server.close();
    this.acceptor?.close();
  }

  /** Closes every connection. */
  destroy(): void {
    this.server.close();
    this.acceptor?.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private accept(socket: Socket): void {
    const pending = this.acceptor?.pendingCount ?? 0;
    if (this.sockets.size + pending >= this.settings.connectionsMax) {
      this.settings.onRefused('too_many');
      socket.destroy();
    } else if (this.acceptor === undefined) this.admit(socket);
    else this.acceptor.accept(socket);
  }

  private admit(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.sockets.delete(socket));
    this.sniff(socket);
  }

  private sniff(socket: Socket): void {
    let seen: Buffer = Buffer.alloc(0);
    const refuse = (cause: 'slow' | 'garbage'): void => {
      clearTimeout(timer);
      this.settings.onRefused(cause);
      socket.destroy();
    };
    const timer = setTimeout(() => refuse('slow'), this.settings.prefaceTimeoutMs);
    const onClose = (): void => clearTimeout(timer);
    const onData = (chunk: Buffer): void => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const protocol = protocolOf(seen);
      if (protocol === 'unknown') return;
      if (protocol === 'garbage') return refuse('garbage');
      clearTimeout(timer);
      socket.removeListener('close', onClose);
      socket.removeListener('data', onData);
      socket.pause();
      socket.unshift(seen);
      if (protocol === 'http2') this.settings.engine.adopt(socket);
      else this.settings.http1.adopt(socket);
    };
    socket.once('close', onClose);
    socket.on('data', onData);
  }
}

function protocolOf(seen: Buffer): 'http2' | 'http1' | 'garbage' | 'unknown' {
  const common = Math.min(seen.length, preface.length);
  if (seen.compare(preface, 0, common, 0, common) === 0)
    return seen.length >= preface.length ? 'http2' : 'unknown';
  const start = seen.toString('latin1', 0, 24);
  if (methodPattern.test(start)) return 'http1';
  return /^[A-Z]{0,20}$/.test(start) ? 'unknown' : 'garbage';
}
