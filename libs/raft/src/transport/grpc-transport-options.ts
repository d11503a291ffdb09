import type { TlsSource } from '@raftway/tls';
import type { ServerId } from '../core';
import type { PeerAddress } from './transport';
import { type RaftLogger, type RaftObserver, silentLogger } from '../observer';

const MEBIBYTE = 1024 * 1024;

/** How big and how slow a link may get. All of it bounds memory: a frozen peer costs at most the queues. */
export interface TransportLimits {
  /** Messages that wait for one stream. @default 4096 */
  readonly queueMessagesMax: number;
  /** Bytes that wait for one stream. @default 32 MiB */
  readonly queueBytesMax: number;
  /** A frame is closed when it is at least this big; one message always fits. @default 1 MiB */
  readonly frameBytes: number;
  /** The largest frame that is accepted. @default 64 MiB */
  readonly frameBytesMax: number;
  /** @default 256 KiB */
  readonly snapshotChunkBytes: number;
  /** The largest snapshot that is accepted. @default 512 MiB */
  readonly snapshotBytesMax: number;
  /** How long a stream may take to be admitted. @default 3000 */
  readonly openTimeoutMs: number;
  /** How long a snapshot transfer may make no progress, installing included. @default 30000 */
  readonly snapshotIdleTimeoutMs: number;
  /** The first pause before reconnecting; doubles up to the maximum. @default 20 */
  readonly backoffMsMin: number;
  /** @default 1000 */
  readonly backoffMsMax: number;
  /** How often an idle connection is probed. @default 2000 */
  readonly keepaliveIntervalMs: number;
  /** How long a probe may stay unanswered. @default 2000 */
  readonly keepaliveTimeoutMs: number;
}

export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = {
  queueMessagesMax: 4096,
  queueBytesMax: 32 * MEBIBYTE,
  frameBytes: MEBIBYTE,
  frameBytesMax: 64 * MEBIBYTE,
  snapshotChunkBytes: 256 * 1024,
  snapshotBytesMax: 512 * MEBIBYTE,
  openTimeoutMs: 3000,
  snapshotIdleTimeoutMs: 30_000,
  backoffMsMin: 20,
  backoffMsMax: 1000,
  keepaliveIntervalMs: 2000,
  keepaliveTimeoutMs: 2000,
};

export interface GrpcTransportOptions {
  readonly id: ServerId;
  readonly clusterId: string;
  /** This data directory's incarnation. */
  readonly incarnationId: string;
  readonly peerIncarnations: ReadonlyMap<ServerId, string>;
  /** Makes a peer's incarnation durable. */
  readonly rememberPeer: (id: ServerId, incarnationId: string) => Promise<void>;
  /** The members to begin with and where they listen. This server's own entry is what it tells others. */
  readonly members: readonly PeerAddress[];
  /**
   * Whether a server that is not among the peers may open streams if it says where it can be answered. Members change, and a server that was away, or is new, learns
   * of the present ones only from them. @default false
   */
  readonly guests?: boolean | undefined;
  /** "host:port" to listen on. */
  readonly bindAddress: string;
  readonly limits?: Partial<TransportLimits> | undefined;
  /** Certificates for all links, both ways; see certificate-rules.ts for what a peer's has to say. @default plain TCP */
  readonly tls?: TlsSource | undefined;
  readonly logger?: RaftLogger | undefined;
  readonly observer?: RaftObserver | undefined;
}

/** {@link GrpcTransportOptions} with every default filled in. */
export interface ResolvedGrpcTransportOptions extends GrpcTransportOptions {
  readonly limits: TransportLimits;
  readonly logger: RaftLogger;
  readonly observer: RaftObserver;
}

export function resolveGrpcTransportOptions(
  options: GrpcTransportOptions,
): ResolvedGrpcTransportOptions {
  return {
    ...options,
    limits: { ...DEFAULT_TRANSPORT_LIMITS, ...options.limits },
    logger: options.logger ?? silentLogger,
    observer: options.observer ?? {},
  };
}
