import {
  type CallCredentials,
  ChannelCredentials,
  credentials,
  type experimental,
} from '@grpc/grpc-js';
import { splitHostPort } from '@raftway/config';
import { explainDialling, secure, type TlsSource } from '@raftway/tls';

type Connector = ReturnType<ChannelCredentials['_createSecureConnector']>;
type ConnectorArguments = Parameters<ChannelCredentials['_createSecureConnector']>;

/** How long a server may take for its part of the handshake; grpc-js waits for ever. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

let defaultTls: TlsSource | undefined;
let defaultServerNames: readonly string[] | undefined;

/**
 * What clients use that are given no TLS of their own: for tools, which have one set of certificates for all that they dial.
 *
 * @param serverNames each server has to prove to be one of these. @default those of the target
 */
export function setDefaultClientTls(
  tls: TlsSource | undefined,
  serverNames?: readonly string[],
): void {
  defaultTls = tls;
  defaultServerNames = serverNames;
}

/**
 * Credentials of a channel: TLS where there is any, else plaintext.
 *
 * @param serverNames the server has to prove to be one of these. @default those of the target
 */
export function channelCredentials(
  tls: TlsSource | undefined = defaultTls,
  serverNames: readonly string[] | undefined = tls === defaultTls ? defaultServerNames : undefined,
): ChannelCredentials {
  return tls === undefined ? credentials.createInsecure() : new SourceCredentials(tls, serverNames);
}

/**
 * TLS with the certificates that are in use when a connection is made.
 *
 * grpc-js's own credentials keep the ones that they were made with, check all servers of a list for the first one's name, and send IP addresses
 * as server names, against RFC 6066.
 */
class SourceCredentials extends ChannelCredentials {
  constructor(
    private readonly tls: TlsSource,
    private readonly serverNames: readonly string[] | undefined,
  ) {
    super();
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return (
      other instanceof SourceCredentials &&
      other.tls === this.tls &&
      other.serverNames?.join() === this.serverNames?.join()
    );
  }

  override _createSecureConnector(
    target: ConnectorArguments[0],
    _options: ConnectorArguments[1],
    callCredentials: CallCredentials = credentials.createEmpty(),
  ): Connector {
    const names = this.serverNames ?? namesOfTarget(target);
    return {
      connect: (socket) =>
        new Promise((resolve, reject) => {
          const secured = secure(this.tls, socket, names, () => {
            clearTimeout(timer);
            resolve({ socket: secured, secure: true });
          });
          const timer = setTimeout(() => {
            secured.destroy(new Error(`no TLS handshake within ${HANDSHAKE_TIMEOUT_MS} ms`));
          }, HANDSHAKE_TIMEOUT_MS).unref();
          // Also after the handshake: TLS 1.3 servers say only then that they want a certificate.
          secured.on('error', (error: NodeJS.ErrnoException) => {
            const explained = explainDialling(error);
            if (explained !== error.code) error.message = explained;
            reject(error);
          });
          secured.once('close', () => {
            clearTimeout(timer);
            reject(new Error('closed during the handshake'));
          });
        }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }
}

/** The hosts of `host:port`, of a list of them, and of `dns:///host:port`; of `registry:///service` the service. */
function namesOfTarget({ path }: experimental.GrpcUri): readonly string[] {
  return path.split(',').map((address) => splitHostPort(address)?.host ?? address);
}
