import { type AddressInfo, createServer, type Server } from 'node:net';
import { FrameServerEngine, headerValue } from '@raftway/http2';
import type { Message, ServerId, SnapshotMetadata } from '../core';
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
import type { Transport, TransportHandler } from './transport';

/** gRPC's status for a method that there is not. */
const UNIMPLEMENTED = 12;
/** Connections of peers: three lanes from each, old ones that are not known to be dead, and room. */
const CONNECTIONS_MAX = 256;

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
  private engine: FrameServerEngine | undefined;
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
    this.server?.close();
    this.server = undefined;
    this.engine?.destroy();
    return Promise.resolve();
  }

  private async listen(handler: TransportHandler): Promise<void> {
    const service = new PeerService(this.options, this.admission, handler, (from) => {
      const link = this.links.get(from);
      link?.control.hurry();
      link?.append.hurry();
    });
    const { frameBytesMax } = this.options.limits;
    const engine = new FrameServerEngine(
      this.engineLimits(),
      {
        onStream: (stream, headers) => {
          const call = new EnginePeerCall(stream, frameBytesMax + 1024);
          const lane = laneOf(headerValue(headers, ':path'));
          if (lane === undefined) call.answer({ code: UNIMPLEMENTED, details: 'no such method' });
          else service.open(lane, call);
        },
        onConnectionError: (detail) =>
          this.options.logger.debug('peer connection closed', { detail }),
      },
      peerScheduler,
    );
    this.engine = engine;
    this.server = createServer({ noDelay: true }, (socket) => {
      if (engine.connectionCount < CONNECTIONS_MAX) engine.adopt(socket);
      else socket.destroy();
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
