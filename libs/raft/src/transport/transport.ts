import type { Message, ServerId } from '../core';
import type { SnapshotChunk, SnapshotOffer, SnapshotTransfer } from './snapshot-transfer';

/** What a transport hands to its replica. */
export interface TransportHandler {
  /** Messages came in, in the order in which one peer's stream carried them. */
  onMessages(messages: readonly Message[]): void;
  /**
   * A leader wants to send a snapshot.
   *
   * @returns the number of the first chunk that is wanted; as many as there are chunks when none is: the core has been told.
   * @throws SnapshotRefused when it is not wanted now.
   */
  onSnapshotOffer(from: ServerId, offer: SnapshotOffer): Promise<number>;
  /**
   * A chunk of the snapshot that was offered came in. To be called with the next one when this has settled.
   *
   * @returns the number of the first chunk that is missing; as many as there are chunks when the whole is durable and the core has been told.
   * @throws DecodeError when the chunk is not as it should be, or of another offer: it has changed nothing. SnapshotRefused when the sender's term is over.
   */
  onSnapshotChunk(from: ServerId, chunk: SnapshotChunk): Promise<number>;
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
  /**
   * Makes one attempt to bring a peer what it lacks of a snapshot. Resolves when the peer has the whole.
   *
   * @throws TransferInterrupted when another attempt may go on from there.
   */
  sendSnapshot(to: ServerId, transfer: SnapshotTransfer, signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}
