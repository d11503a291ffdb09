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
import type { Transport, TransportHandler } from './transport';

interface Link {
  readonly address: string;
  readonly control: MessageLane;
  readonly append: MessageLane;
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
  private server: Server | undefined;
  private port = 0;

  constructor(options: GrpcTransportOptions) {
    this.options = resolveGrpcTransportOptions(options);
    const { clusterId, id, peerIncarnations, rememberPeer } = options;
    this.admission = new Admission({
      clusterId,
      id,
      peerIncarnations,
      rememberPeer,
      isMember: (peer) => this.links.has(peer),
    });
  }

  /** The port that is listened on; 0 before start. */
  get boundPort(): number {
    return this.port;
  }

  async start(handler: TransportHandler): Promise<void> {
    for (const { id, address } of this.options.members) {
      if (id === this.options.id) continue;
      const callbacks = {
        onUnreachable: () => handler.onUnreachable(id),
        onNeverSent: (messages: readonly Message[]) => handler.onNeverSent(messages),
      };
      const lane = (name: 'control' | 'append'): MessageLane =>
        new MessageLane(this.options, this.admission, id, address, name, callbacks);
      this.links.set(id, {
        address,
        control: lane('control'),
        append: lane('append'),
      });
    }
    await this.listen(handler);
    for (const link of this.links.values()) {
      link.control.start();
      link.append.start();
    }
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
    const service = new PeerService(this.options, this.admission, handler, (from) => {
      const link = this.links.get(from);
      link?.control.hurry();
      link?.append.hurry();
    });
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
