import { connect, type Socket } from 'node:net';

/** Where a connection goes. */
export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  /** Whom a server has to prove to be, where it has to prove anything. */
  readonly serverName: string;
}

/** Opens sockets for a client engine. */
export interface Connector {
  /** @param onConnected bytes may be sent. Not called before it has returned. */
  connect(target: ConnectTarget, onConnected: () => void): Socket;
  /** A socket's error in a few words, or its code. */
  explain(error: NodeJS.ErrnoException): string;
}

/** TCP and nothing on top. */
export const tcpConnector: Connector = {
  connect: ({ host, port }, onConnected) =>
    connect({ host, port, noDelay: true }).once('connect', onConnected),
  explain: (error) => error.code ?? error.message,
};

/** @param address host:port, an IPv6 address in brackets */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(colon + 1)) };
}
