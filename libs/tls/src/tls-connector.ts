import type { TLSSocket } from 'node:tls';
import { dial } from './dial';
import { explainDialling } from './errors';
import type { TlsSource } from './tls-source';

/** What the client engine of `@raftway/http2` takes as its connector. */
export interface TlsConnector {
  connect(
    target: { readonly host: string; readonly port: number; readonly serverName: string },
    onConnected: () => void,
  ): TLSSocket;
  explain(error: NodeJS.ErrnoException): string;
}

/**
 * Opens the sockets of a client engine with TLS.
 *
 * @param onFault the two sides do not trust each other, or one of them speaks no TLS: trying again does not help before somebody changes something.
 */
export function tlsConnector(source: TlsSource, onFault?: () => void): TlsConnector {
  return {
    connect: ({ host, port, serverName }, onConnected) =>
      dial(source, { host, port, serverNames: [serverName] }, onConnected),
    explain: (error) => {
      const explained = explainDialling(error);
      if (explained !== error.code) onFault?.();
      return explained;
    },
  };
}
