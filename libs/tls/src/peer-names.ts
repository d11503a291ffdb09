import { type Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import { namesOf } from './credentials';

/** What the other side of a connection has proved to be. */
export interface PeerIdentity {
  /** Its certificate's names, such as `DNS:registry` and `IP Address:10.0.0.1`. */
  readonly names: readonly string[];
  /** Whether the certificate is for a host, by name or IP address. */
  isFor(host: string): boolean;
}

/** @returns undefined without TLS, and for a peer that showed no certificate or one that is not good. */
export function peerIdentity(socket: Socket): PeerIdentity | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  if (certificate.subject === undefined) return undefined;
  return {
    names: namesOf(certificate.subjectaltname),
    isFor: (host) => checkServerIdentity(host, certificate) === undefined,
  };
}
