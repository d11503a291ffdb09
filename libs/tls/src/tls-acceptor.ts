import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { contextOptions } from './credentials';
import { explainDialled, explainUnauthorized } from './errors';
import type { TlsSource } from './tls-source';

/** Whether callers show a certificate: nobody is asked; those who have one; all. One that is shown has to be good. */
export const CLIENT_AUTHS = ['none', 'optional', 'require'] as const;
export type ClientAuth = (typeof CLIENT_AUTHS)[number];

/** What a server needs to speak TLS. */
export interface ServerTls {
  readonly source: TlsSource;
  readonly clientAuth: ClientAuth;
}

/** What a {@link TlsAcceptor} works with. */
export interface TlsAcceptorSettings extends ServerTls {
  /** Takes a connection whose handshake is done. */
  readonly onSocket: (socket: TLSSocket) => void;
  /** What may be spoken over TLS, best first (ALPN). With `http/1.1`, a caller that says nothing is taken to speak it. @default h2 only */
  readonly protocols?: readonly ('h2' | 'http/1.1')[] | undefined;
  /** Handshakes at the same time; further connections are closed at once. @default 500 */
  readonly pendingMax?: number | undefined;
  /** How long a handshake may take. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined;
}

/**
 * Makes TLS connections out of sockets that a server has accepted: TLS 1.2 or later, and by default HTTP/2 only (ALPN).
 *
 * The handshakes are those of a `tls.Server` that listens nowhere, so that who accepts sockets, and what bounds them, is the same with TLS and without.
 */
export class TlsAcceptor {
  private readonly server: Server;
  private readonly pending = new Set<Socket>();
  private readonly pendingMax: number;
  private readonly needsHttp2: boolean;
  private readonly unsubscribe: () => void;

  constructor(private readonly settings: TlsAcceptorSettings) {
    const { source, clientAuth, protocols = ['h2'] } = settings;
    this.needsHttp2 = !protocols.includes('http/1.1');
    this.pendingMax = settings.pendingMax ?? 500;
    this.server = createServer({
      ...contextOptions(source.current.pems),
      ALPNProtocols: [...protocols],
      requestCert: clientAuth !== 'none',
      rejectUnauthorized: clientAuth === 'require',
      handshakeTimeout: settings.handshakeTimeoutMs ?? 10_000,
    });
    this.server.on('secureConnection', (socket) => this.admit(socket));
    this.server.on('tlsClientError', (error, socket) => this.fail(error, socket));
    this.unsubscribe = source.onChange(({ pems }) =>
      this.server.setSecureContext(contextOptions(pems)),
    );
  }

  /** Handshakes under way. */
  get pendingCount(): number {
    return this.pending.size;
  }

  /** Begins the handshake. */
  accept(socket: Socket): void {
    if (this.pending.size >= this.pendingMax) {
      this.refuse(socket, `${this.pendingMax} handshakes are under way`);
      socket.destroy();
      return;
    }
    this.pending.add(socket);
    socket.once('close', () => this.pending.delete(socket));
    this.server.emit('connection', socket);
  }

  /** Ends the handshakes that are under way. Connections that were handed over are not its own any more. */
  close(): void {
    this.unsubscribe();
    for (const socket of this.pending) socket.destroy();
  }

  private admit(socket: TLSSocket): void {
    const raw = rawSocketOf(socket);
    this.pending.delete(raw);
    const fault = this.faultOf(socket);
    if (fault === undefined) {
      this.settings.onSocket(socket);
      return;
    }
    this.refuse(raw, fault);
    socket.on('error', () => undefined);
    socket.destroy();
  }

  private faultOf(socket: TLSSocket): string | undefined {
    if (this.needsHttp2 && socket.alpnProtocol !== 'h2')
      return 'it does not speak HTTP/2 over TLS (ALPN h2)';
    if (this.settings.clientAuth !== 'optional' || socket.authorized) return undefined;
    const isShown = socket.getPeerX509Certificate() !== undefined;
    return isShown ? explainUnauthorized(String(socket.authorizationError)) : undefined;
  }

  private fail(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const raw = rawSocketOf(socket);
    this.pending.delete(raw);
    const reason = explainDialled(error, socket);
    if (reason !== undefined) this.refuse(raw, reason);
    socket.destroy();
  }

  private refuse({ remoteAddress, remotePort }: Socket, reason: string): void {
    const peer = `${remoteAddress ?? 'unknown'}:${remotePort ?? 0}`;
    this.settings.source.observer.onRefused?.(peer, reason);
  }
}

/** The accepted socket under a TLS socket, which knows its peer's address also when the connection has gone. */
function rawSocketOf(socket: TLSSocket): Socket {
  return (socket as TLSSocket & { readonly _parent?: Socket })._parent ?? socket;
}
