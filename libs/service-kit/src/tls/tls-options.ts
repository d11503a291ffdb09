import { oneOf, text } from '@raftway/config';
import { CLIENT_AUTHS, type ClientAuth } from '@raftway/tls';

/** The TLS options of every server; part of serverOptionsShape. @param clientAuth the default of RAFTWAY_TLS_CLIENT_AUTH */
export function tlsOptionsShape(clientAuth: ClientAuth) {
  const path = (description: string) =>
    text({ lengthMax: 4096 })
      .optional()
      .describe(description)
      .meta({ defaultText: 'none: plaintext' });
  return {
    tlsCert: path(
      'PEM file with this process’s certificate, which it shows as a server, as a client and as a peer.',
    ),
    tlsKey: path('PEM file with its private key.'),
    tlsCa: path('PEM file with the authorities whose certificates are trusted.'),
    tlsClientAuth: oneOf(CLIENT_AUTHS)
      .default(clientAuth)
      .describe('Whether callers show a certificate, with TLS; peers always do.'),
  };
}

/** What {@link tlsOptionsShape} yields. */
export interface TlsOptions {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly tlsClientAuth: ClientAuth;
}
