import { Server } from '@grpc/grpc-js';
import { raft as contracts } from '@raftway/contracts';
import type { Message, ServerId, SnapshotMetadata } from '../core';
import { Admission } from './admission';
import {
  type GrpcTransportOptions,
  resolveGrpcTransportOptions,
  type ResolvedGrpcTransportOptions,
} from './grpc-transport-options';
import { MessageLane } from './message-lane';
import { PeerService } from './peer-service';
import { sendSnapshotTo } from './snapshot-sender';
import type { PeerAddress, Transport, TransportHandler } from './transport';

/** Links to servers that said hello and are no peers: enough for any group, and bounded whoever calls. */
const GUESTS_MAX = 16;

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
  private port = 0;

  constructor(options: GrpcTransportOptions) {
    this.options = resolveGrpcTransportOptions(options);
    const { clusterId, id, peerIncarnations, rememberPeer, guests } = options;
    this.admission = new Admission({
      clusterId,
      id,
      peerIncarnations,
      rememberPeer,
      isMember: (peer) => this.links.has(peer),
      guests,
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

  async sendSnapshot(
    to: ServerId,
    term: number,
    snapshot: SnapshotMetadata,
    data: Uint8Array,
  ): Promise<void> {
    const link = this.links.get(to);
    if (link === undefined) throw new Error(`server ${to} is not a peer`);
    const { options, admission, stopping } = this;
    await sendSnapshotTo(
      options,
      admission,
      to,
      link.address,
      term,
      snapshot,
      data,
      stopping.signal,
    );
  }

  stop(): Promise<void> {
    this.stopping.abort();
    for (const link of this.links.values()) {
      link.control.stop();
      link.append.stop();
    }
    // Streams between replicas never end by themselves, so there is nothing to drain.
    this.server?.forceShutdown();
    this.server = undefined;
    return Promise.resolve();
  }

  private async listen(handler: TransportHandler): Promise<void> {
    const { limits, bindAddress, serverCredentials } = this.options;
    const server = new Server({
      'grpc.max_receive_message_length': limits.frameBytesMax + 1024,
      'grpc.max_concurrent_streams': 64,
      'grpc.keepalive_time_ms': limits.keepaliveIntervalMs,
      'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
      'grpc.enable_channelz': 0,
    });
    const service = new PeerService(this.options, this.admission, handler, (from, address) =>
      this.greeted(from, address),
    );
    server.addService(contracts.RaftPeerServiceService, service.implementation());
    this.server = server;
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(bindAddress, serverCredentials, (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
  }
}
