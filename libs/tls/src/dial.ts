import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import type { TlsSource } from './tls-source';

/** Where to connect to. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** The certificate has to be for one of these, host names or IP addresses. */
  readonly serverNames: readonly string[];
}

/**
 * Opens a TLS connection for HTTP/2.
 *
 * @param onConnected the handshake is done, and the server is who it should be.
 */
export function dial(source: TlsSource, target: DialTarget, onConnected: () => void): TLSSocket {
  const { host, port, serverNames } = target;
  const socket = connect({ host, port, ...connectOptions(source, serverNames) });
  socket.setNoDelay(true);
  onSecure(socket, onConnected);
  return socket;
}

/** The same on a socket that is connected. Failures are the socket's `error`. */
export function secure(
  source: TlsSource,
  socket: Socket,
  serverNames: readonly string[],
  onConnected: () => void,
): TLSSocket {
  const secured = connect({ socket, ...connectOptions(source, serverNames) });
  onSecure(secured, onConnected);
  return secured;
}

function connectOptions(source: TlsSource, serverNames: readonly string[]) {
  const [first = ''] = serverNames;
  return {
    secureContext: source.current.context,
    ALPNProtocols: ['h2'],
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    // RFC 6066 §3: no IP addresses in there.
    ...(isIP(first) === 0 && first !== '' ? { servername: first } : {}),
    checkServerIdentity: (
      _host: string,
      certificate: Parameters<typeof checkServerIdentity>[1],
    ) => {
      const faults = serverNames.map((name) => checkServerIdentity(name, certificate));
      return faults.includes(undefined) ? undefined : (faults[0] ?? noName());
    },
  };
}

function onSecure(socket: TLSSocket, onConnected: () => void): void {
  socket.once('secureConnect', () => {
    if (socket.alpnProtocol === 'h2') onConnected();
    else socket.destroy(new Error('the server does not speak HTTP/2 over TLS (ALPN h2)'));
  });
}

function noName(): Error {
  return new Error('broken invariant: no name to check the certificate for');
}
