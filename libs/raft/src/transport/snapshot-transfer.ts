import type { Term } from '../core';
import { decodeSnapshotHeader, type SnapshotId, snapshotIdOf } from '../storage/snapshot-file';
import type { ChunkOfSnapshot, SnapshotReader } from '../storage/storage';

/** Says which snapshot comes. */
export interface SnapshotOffer {
  /** The sender's, in which it leads. */
  readonly term: Term;
  /** As it is in the file. */
  readonly header: Uint8Array;
}

/** A piece of the snapshot that was offered. */
export interface SnapshotChunk extends ChunkOfSnapshot {
  readonly term: Term;
  readonly id: SnapshotId;
  readonly number: number;
}

/** A snapshot is not wanted, now or ever: another attempt would be answered in the same way. The message goes to the sender. */
export class SnapshotRefused extends Error {
  override readonly name = 'SnapshotRefused';
}

/** An attempt has ended before the whole was there; another one may go on from there. */
export class TransferInterrupted extends Error {
  override readonly name = 'TransferInterrupted';
}

/** So many chunks are under way without having been acknowledged: one is written by the receiver while the next ones travel. */
const WINDOW_CHUNKS = 4;

/**
 * The sender's side of a transfer, over all its attempts, without a network: what to send next, and what has arrived.
 *
 * An attempt begins with the offer; its answer says from where on the receiver wants chunks, whatever was acknowledged before (it may have lost them). At most
 * a window of chunks is unacknowledged, and so in memory.
 */
export class SnapshotTransfer {
  readonly id: SnapshotId;
  readonly chunkCount: number;
  readonly dataBytes: number;
  private acknowledged = 0;
  private sent = 0;
  private attempt = 0;
  private chunks = 0;
  private resumptions = 0;

  constructor(
    readonly term: Term,
    private readonly reader: SnapshotReader,
    private readonly windowChunks = WINDOW_CHUNKS,
  ) {
    this.id = snapshotIdOf(reader.header);
    this.chunkCount = reader.chunkCount;
    this.dataBytes = decodeSnapshotHeader(reader.header).dataBytes;
  }

  /** What the receiver has, in chunks. */
  get position(): number {
    return this.acknowledged;
  }

  /** The receiver has all, or wants none. */
  get isComplete(): boolean {
    return this.acknowledged >= this.chunkCount;
  }

  /** Chunks that were read to be sent, repeated ones too. */
  get chunksSent(): number {
    return this.chunks;
  }

  /** Attempts that did not have to begin at the beginning. */
  get resumed(): number {
    return this.resumptions;
  }

  offer(): SnapshotOffer {
    return { term: this.term, header: this.reader.header };
  }

  /** The receiver's answer to an offer. */
  begin(nextChunk: number): void {
    this.attempt += 1;
    this.acknowledged = Math.min(nextChunk, this.chunkCount);
    this.sent = this.acknowledged;
    if (nextChunk > 0 && nextChunk < this.chunkCount) this.resumptions += 1;
  }

  /** The receiver has all before this one. @returns false when that is no news. */
  acknowledge(nextChunk: number): boolean {
    if (nextChunk <= this.acknowledged || nextChunk > this.sent) return false;
    this.acknowledged = nextChunk;
    return true;
  }

  /** The next chunk to be sent; undefined when the window is full or nothing is left, or when another attempt has begun meanwhile. */
  async next(): Promise<SnapshotChunk | undefined> {
    const number = this.sent;
    if (number >= this.chunkCount || number >= this.acknowledged + this.windowChunks) {
      return undefined;
    }
    const { term, id, attempt } = this;
    this.sent += 1;
    const chunk = await this.reader.readChunk(number);
    if (attempt !== this.attempt) return undefined;
    this.chunks += 1;
    return { term, id, number, ...chunk };
  }
}
