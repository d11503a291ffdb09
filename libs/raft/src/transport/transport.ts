import type { Message, ServerId, SnapshotMetadata } from '../core';

/** What a transport hands to its replica. Both return at once. */
export interface TransportHandler {
  /** Messages came in, in the order in which one peer's stream carried them. */
  onMessages(messages: readonly Message[]): void;
  /** A whole snapshot came in; resolve when its file is durable and the core has been told. */
  onSnapshot(
    from: ServerId,
    term: number,
    snapshot: SnapshotMetadata,
    data: Uint8Array,
  ): Promise<void>;
  /** A link broke, or messages to this peer were dropped because its queue is full. */
  onUnreachable(to: ServerId): void;
  /** The peer's machine refuses connections at the peer's address: no process listens there. Told in addition to onUnreachable, at every attempt. */
  onGone(id: ServerId): void;
  /** These messages never left this process: the receiver certainly has not got them. Told in addition to onUnreachable. */
  onNeverSent(messages: readonly Message[]): void;
}

/** Where a peer is. */
export interface PeerAddress {
  readonly id: ServerId;
  /** "host:port" of its peer endpoint. */
  readonly address: string;
}

/** Carries messages between replicas. It may lose, repeat and reorder them; it never changes them. */
export interface Transport {
  start(handler: TransportHandler): Promise<void>;
  /** From now on these are the peers, and nobody else; what waits for others is dropped. May name this server itself. */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Queues messages, one batch a peer and turn. Never blocks; drops and reports onUnreachable when a peer's queue is full. */
  send(messages: readonly Message[]): void;
  /** Resolves when the peer has the whole snapshot. */
  sendSnapshot(
    to: ServerId,
    term: number,
    snapshot: SnapshotMetadata,
    data: Uint8Array,
  ): Promise<void>;
  stop(): Promise<void>;
}
