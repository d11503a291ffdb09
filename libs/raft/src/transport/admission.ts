import type { PeerIdentity } from '@raftway/tls';
import type { ServerId } from '../core';
import { certificateFault } from './certificate-rules';

/** What a server says of itself when it opens a stream. */
export interface Hello {
  readonly formatVersion: number;
  readonly clusterId: string;
  readonly from: ServerId;
  readonly to: ServerId;
  readonly incarnationId: string;
  /** "host:port" where it can be answered; '' when it does not say. */
  readonly address: string;
}

export const HELLO_FORMAT_VERSION = 1;

/** What is noted instead of a peer's incarnation when the group was recovered without it: nobody is that. */
export const LEFT_BEHIND = 'left behind by a recovery of the group';

const INCARNATION_LENGTH_MAX = 128;
const ADDRESS_LENGTH_MAX = 260;
/** Servers that are remembered: far more than a group ever has, also when members come and go for years. */
const INCARNATIONS_MAX = 1024;

export interface AdmissionOptions {
  readonly clusterId: string;
  readonly id: ServerId;
  /** Who may open streams; looked at for every hello, because members change. */
  readonly isMember: (id: ServerId) => boolean;
  /** With TLS: this server's own certificate's names, and where the members listen. */
  readonly certificates?:
    | {
        readonly ownNames: () => readonly string[];
        readonly addressOf: (id: ServerId) => string | undefined;
      }
    | undefined;
  /** See GrpcTransportOptions.guests. */
  readonly guests?: boolean | undefined;
  readonly peerIncarnations: ReadonlyMap<ServerId, string>;
  /** Makes a peer's incarnation durable, before the first of its messages counts. */
  readonly rememberPeer: (id: ServerId, incarnationId: string) => Promise<void>;
}

/** A refused hello. The message goes to the other side: it says what is wrong there and what to do about it. */
export class AdmissionRefused extends Error {
  override readonly name = 'AdmissionRefused';
}

/**
 * Decides whose messages count.
 *
 * A server whose disk was wiped and that comes back under its old id has forgotten its votes and its acknowledged entries: it could vote
 * twice in a term, or make a majority that lacks a committed entry (openraft #898). Its new disk has a new incarnation id, and the others know the
 * old one.
 */
export class Admission {
  private readonly incarnations: Map<ServerId, string>;
  private readonly pending = new Map<
    ServerId,
    { readonly incarnationId: string; readonly written: Promise<void> }
  >();

  constructor(private readonly options: AdmissionOptions) {
    this.incarnations = new Map(options.peerIncarnations);
  }

  /** Resolves when the sender's messages may count. @param identity what it has proved by TLS. @throws AdmissionRefused */
  async admit(hello: Hello, identity?: PeerIdentity): Promise<void> {
    const { clusterId, id } = this.options;
    if (hello.formatVersion !== HELLO_FORMAT_VERSION) {
      throw new AdmissionRefused(
        `peer protocol ${hello.formatVersion} is not understood, only ${HELLO_FORMAT_VERSION}`,
      );
    }
    if (hello.clusterId !== clusterId) {
      throw new AdmissionRefused(
        `server ${id} belongs to cluster "${clusterId}", the caller to "${hello.clusterId}": check the peers' addresses and the cluster ids`,
      );
    }
    if (hello.to !== id) {
      throw new AdmissionRefused(
        `this is server ${id}, the caller wanted ${hello.to}: check the peers' addresses`,
      );
    }
    const isGuest =
      this.options.guests === true &&
      hello.address !== '' &&
      hello.address.length <= ADDRESS_LENGTH_MAX;
    if (hello.from === id || !(isGuest || this.options.isMember(hello.from))) {
      throw new AdmissionRefused(`server ${hello.from} is not a peer of server ${id}`);
    }
    this.checkCertificate(hello, identity);
    await this.meet(hello.from, hello.incarnationId);
  }

  /** Checks a peer's incarnation against the one that was first met. @throws AdmissionRefused */
  async meet(peer: ServerId, incarnationId: string): Promise<void> {
    if (incarnationId.length === 0 || incarnationId.length > INCARNATION_LENGTH_MAX) {
      throw new AdmissionRefused(`server ${peer} did not say which incarnation it is`);
    }
    const known = this.incarnations.get(peer);
    if (known === undefined) {
      await this.remember(peer, incarnationId);
      return;
    }
    if (known === LEFT_BEHIND) {
      throw new AdmissionRefused(
        `this group was recovered without server ${peer}, after it had lost its majority: what that server has may contradict it. ` +
          'Stop the server, keep its directory aside, and add it with an empty one, under an id that was never used',
      );
    }
    if (known !== incarnationId) {
      throw new AdmissionRefused(
        `server ${peer} was known as incarnation ${known} and is now ${incarnationId}: its data directory was replaced. ` +
          'Restore the directory; or remove the server from the group, and add it again under an id that was never used',
      );
    }
  }

  private checkCertificate({ from, address }: Hello, identity: PeerIdentity | undefined): void {
    const { certificates } = this.options;
    if (certificates === undefined) return;
    const addresses = [address, certificates.addressOf(from) ?? ''].filter((one) => one !== '');
    const fault = certificateFault(identity, certificates.ownNames(), addresses);
    if (fault !== undefined) throw new AdmissionRefused(`server ${from} is not let in: ${fault}`);
  }

  private async remember(peer: ServerId, incarnationId: string): Promise<void> {
    // Three streams say hello at once; the first one writes.
    const pending = this.pending.get(peer);
    if (pending !== undefined && pending.incarnationId !== incarnationId) {
      throw new AdmissionRefused(`two incarnations of server ${peer} say hello at once`);
    }
    if (this.incarnations.size >= INCARNATIONS_MAX) {
      throw new AdmissionRefused(`server ${peer} is new here, and too many have been met`);
    }
    const written = pending?.written ?? this.options.rememberPeer(peer, incarnationId);
    this.pending.set(peer, { incarnationId, written });
    try {
      await written;
      this.incarnations.set(peer, incarnationId);
    } finally {
      this.pending.delete(peer);
    }
  }
}
