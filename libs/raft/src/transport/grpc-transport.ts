import { type AddressInfo, createServer, type Server } from 'node:net';
import { FrameServerEngine, headerValue } from '@raftway/http2';
import { peerIdentity, TlsAcceptor } from '@raftway/tls';
import type { Message, ServerId } from '../core';
import { Admission } from './admission';
import {
  type GrpcTransportOptions,
  resolveGrpcTransportOptions,
  type ResolvedGrpcTransportOptions,
} from './grpc-transport-options';
import { MessageLane } from './message-lane';
import { EnginePeerCall } from './peer-call';
import { PeerService } from './peer-service';
import { type Lane, lanePaths, peerScheduler } from './peer-stream';
import { sendSnapshotTo } from './snapshot-sender';
import type { SnapshotTransfer } from './snapshot-transfer';
import type { PeerAddress, Transport, TransportHandler } from './transport';

/** Links to servers that said hello and are no peers: enough for any group, and bounded whoever calls. */
const GUESTS_MAX = 16;

/** gRPC's status for a method that there is not. */
const UNIMPLEMENTED = 12;
/** Connections of peers: three lanes from each, old ones that are not known to be dead, and room. */
const CONNECTIONS_MAX = 256;
/** Handshakes of callers at the same time. */
const HANDSHAKES_MAX = 64;

interface Link {
  readonly address: string;
  readonly control: MessageLane;
  readonly append: MessageLane;
  /** It is there to answer somebody who is not among the peers, as far as this server knows. */
  readonly isGuest: boolean;
}

/**
 * Links to all peers over gRPC: RaftPeerService, on a server of its own.
 *
 * Entries go on the append lane and everything else on the control lane, each with its own connection: a follower that takes a megabyte of
 * entries still gets its heartbeat in time. Nothing here waits for a peer: each lane has a bounded queue of its own.
 */
export class GrpcTransport implements Transport {
  private readonly options: ResolvedGrpcTransportOptions;
  private readonly admission: Admission;
  private readonly links = new Map<ServerId, Link>();
  private readonly stopping = new AbortController();
  private handler: TransportHandler | undefined;
  private server: Server | undefined;
  private engine: FrameServerEngine | undefined;
  private acceptor: TlsAcceptor | undefined;
  private port = 0;

  constructor(options: GrpcTransportOptions) {
    this.options = resolveGrpcTransportOptions(options);
    const { clusterId, id, peerIncarnations, rememberPeer, guests, tls } = options;
    this.admission = new Admission({
      clusterId,
      id,
      peerIncarnations,
      rememberPeer,
      isMember: (peer) => this.links.has(peer),
      guests,
      certificates: tls && {
        ownNames: () => tls.current.names,
        addressOf: (peer) => this.links.get(peer)?.address,
      },
    });
  }

  /** The port that is listened on; 0 before start. */
  get boundPort(): number {
    return this.port;
  }

  async start(handler: TransportHandler): Promise<void> {
    this.handler = handler;
    for (const { id, address } of this.options.members) this.link(id, address, false);
    await this.listen(handler);
    for (const id of this.links.keys()) this.open(id);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const wanted = new Map(peers.map(({ id, address }) => [id, address]));
    for (const [id, link] of this.links) {
      if (wanted.get(id) !== link.address && !link.isGuest) this.unlink(id);
    }
    for (const [id, address] of wanted) {
      const guest = this.links.get(id);
      if (guest?.isGuest === true && guest.address === address) {
        this.links.set(id, { ...guest, isGuest: false });
      } else if (guest === undefined || guest.isGuest) {
        this.unlink(id);
        this.link(id, address, false);
        if (this.server !== undefined) this.open(id);
      }
    }
  }

  /** Makes a link; nothing is connected yet. */
  private link(id: ServerId, address: string, isGuest: boolean): void {
    if (id === this.options.id) return;
    const callbacks = {
      onUnreachable: () => {
        this.handler?.onUnreachable(id);
        // It will say hello again when it is back.
        if (this.links.get(id)?.isGuest === true) this.unlink(id);
      },
      onGone: () => this.handler?.onGone(id),
      onNeverSent: (messages: readonly Message[]) => this.handler?.onNeverSent(messages),
    };
    const lane = (name: 'control' | 'append'): MessageLane =>
      new MessageLane(this.options, this.admission, id, address, name, callbacks);
    this.links.set(id, { address, isGuest, control: lane('control'), append: lane('append') });
  }

  private open(id: ServerId): void {
    const link = this.links.get(id);
    link?.control.start();
    link?.append.start();
  }

  private unlink(id: ServerId): void {
    const link = this.links.get(id);
    this.links.delete(id);
    link?.control.stop();
    link?.append.stop();
  }

  /** A peer, or a guest, was admitted. */
  private greeted(from: ServerId, address: string): void {
    const link = this.links.get(from);
    if (link !== undefined) {
      link.control.hurry();
      link.append.hurry();
      return;
    }
    const guests = [...this.links].filter(([, { isGuest }]) => isGuest);
    if (guests.length >= GUESTS_MAX) this.unlink((guests[0] as [ServerId, Link])[0]);
    this.link(from, address, true);
    this.open(from);
  }

  send(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    const batches = new Map<MessageLane, Message[]>();
    for (const message of messages) {
      const link = this.links.get(message.to);
      if (link === undefined) continue;
      const lane = message.type === 'appendEntries' ? link.append : link.control;
      const batch = batches.get(lane);
      if (batch === undefined) batches.set(lane, [message]);
      else batch.push(message);
    }
    for (const [lane, batch] of batches) lane.send(batch);
  }

  async sendSnapshot(to: ServerId, transfer: SnapshotTransfer, signal: AbortSignal): Promise<void> {
    const link = this.links.get(to);
    if (link === undefined) throw new Error(`server ${to} is not a peer`);
    const { options, admission, stopping } = this;
    const either = AbortSignal.any([signal, stopping.signal]);
    await sendSnapshotTo(options, admission, to, link.address, transfer, either);
  }

  stop(): Promise<void> {
    this.stopping.abort();
    for (const link of this.links.values()) {
      link.control.stop();
      link.append.stop();
    }
    // Streams between replicas never end by themselves, so there is nothing to drain.
    this.server?.close();
    this.server = undefined;
    this.acceptor?.close();
    this.engine?.destroy();
    return Promise.resolve();
  }

  private async listen(handler: TransportHandler): Promise<void> {
    const service = new PeerService(this.options, this.admission, handler, (from, address) =>
      this.greeted(from, address),
    );
    const { frameBytesMax } = this.options.limits;
    const engine = new FrameServerEngine(
      this.engineLimits(),
      {
        onStream: (stream, headers, _ended, _address, _port, socket) => {
          const call = new EnginePeerCall(stream, frameBytesMax + 1024);
          const lane = laneOf(headerValue(headers, ':path'));
          if (lane === undefined) call.answer({ code: UNIMPLEMENTED, details: 'no such method' });
          else service.open(lane, call, peerIdentity(socket));
        },
        onConnectionError: (detail) =>
          this.options.logger.debug('peer connection closed', { detail }),
      },
      peerScheduler,
    );
    this.engine = engine;
    const { tls: source } = this.options;
    const acceptor =
      source &&
      new TlsAcceptor({
        source,
        clientAuth: 'require',
        pendingMax: HANDSHAKES_MAX,
        handshakeTimeoutMs: this.options.limits.openTimeoutMs,
        onSocket: (socket) => engine.adopt(socket),
      });
    this.acceptor = acceptor;
    this.server = createServer({ noDelay: true }, (socket) => {
      const pending = acceptor?.pendingCount ?? 0;
      if (engine.connectionCount + pending >= CONNECTIONS_MAX) socket.destroy();
      else if (acceptor === undefined) engine.adopt(socket);
      else acceptor.accept(socket);
    });
    this.port = await listenOn(this.server, this.options.bindAddress);
  }

  private engineLimits(): ConstructorParameters<typeof FrameServerEngine>[0] {
    const { limits } = this.options;
    return {
      // A lane has a connection of its own.
      connectionStreamsMax: 4,
      headerListBytesMax: 16 * 1024,
      headerCountMax: 100,
      streamBufferBytesMax: limits.frameBytes,
      connectionMemoryBytesMax: 8 * limits.frameBytes,
      streamResetBurst: 100,
      streamResetsPerSecond: 10,
      connectionIdleMs: limits.openTimeoutMs,
      keepaliveMs: limits.keepaliveIntervalMs,
      keepaliveTimeoutMs: limits.keepaliveTimeoutMs,
    };
  }
}

function laneOf(path: string | undefined): Lane | undefined {
  return (Object.keys(lanePaths) as Lane[]).find((lane) => lanePaths[lane] === path);
}

/** @returns the port. @throws the system's error, such as EADDRINUSE */
function listenOn(server: Server, bindAddress: string): Promise<number> {
  const colon = bindAddress.lastIndexOf(':');
  const host = bindAddress.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(bindAddress.slice(colon + 1));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      // An accept that fails concerns one connection.
      server.on('error', () => undefined);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
