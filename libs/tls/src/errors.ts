import type { TLSSocket } from 'node:tls';

/** Files that cannot be used; the message says which one, why, and what to do. */
export class TlsFilesError extends Error {
  override readonly name = 'TlsFilesError';
}

/** What went wrong, for the side that dialled. */
const DIALLING: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, "the server's certificate has expired"],
  [/^CERT_NOT_YET_VALID$/, "the server's certificate is not valid yet"],
  [
    /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|^CERT_(SIGNATURE|UNTRUSTED)|^INVALID_CA$/,
    "the server's certificate is not signed by the CA",
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE/,
    'the server does not speak TLS there',
  ],
  [/ALERT_CERTIFICATE_REQUIRED|ALERT_HANDSHAKE_FAILURE/, 'the server wants a client certificate'],
  [/NO_APPLICATION_PROTOCOL/, 'the server does not speak HTTP/2 over TLS (ALPN h2)'],
  [
    /ALERT_(UNKNOWN_CA|CERTIFICATE_|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE)/,
    "the server refuses this side's certificate",
  ],
];

/** And for the side that was dialled. */
const DIALLED: readonly (readonly [RegExp, string])[] = [
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet'],
  [
    /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|^CERT_(SIGNATURE|UNTRUSTED)|^INVALID_CA$/,
    'its certificate is not signed by the CA',
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE|UNSUPPORTED_PROTOCOL/,
    'it does not speak TLS 1.2 or later',
  ],
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'it has no client certificate'],
  [/NO_APPLICATION_PROTOCOL/, 'it does not speak HTTP/2 over TLS (ALPN h2)'],
  [
    /ALERT_(UNKNOWN_CA|CERTIFICATE_|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE)/,
    "it refuses this server's certificate",
  ],
  [/^ERR_TLS_HANDSHAKE_TIMEOUT$/, 'it did not finish the handshake in time'],
];

/** Why a connection could not be made, in words. Errors that have nothing to do with TLS are named by their code. */
export function explainDialling(error: NodeJS.ErrnoException): string {
  const { code = '' } = error;
  // Node's own text names the host and what the certificate is for.
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return error.message;
  return sentence(DIALLING, code) ?? (code === '' ? error.message : code);
}

/** Why a caller's handshake failed, in words; undefined when it just went away, as a TCP health check does. */
export function explainDialled(
  error: NodeJS.ErrnoException,
  socket: TLSSocket,
): string | undefined {
  // Typed as an Error, and a code in truth.
  const unauthorized = socket.authorizationError as unknown;
  const code = typeof unauthorized === 'string' ? unauthorized : (error.code ?? error.message);
  if (code === 'ECONNRESET' || code === 'EPIPE') return undefined;
  return sentence(DIALLED, code) ?? `the handshake failed (${code})`;
}

/** Why a certificate that was shown is not taken. */
export function explainUnauthorized(code: string): string {
  return sentence(DIALLED, code) ?? `its certificate is not accepted (${code})`;
}

function sentence(table: readonly (readonly [RegExp, string])[], code: string): string | undefined {
  const words = table.find(([pattern]) => pattern.test(code))?.[1];
  return words === undefined ? undefined : `${words} (${code})`;
}
