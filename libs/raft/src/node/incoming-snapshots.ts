import type { ServerId, SnapshotMetadata, Term } from '../core';
import { StorageError } from '../errors';
import { DecodeError } from '../state-machine/binary-reader';
import {
  chunkCountOf,
  decodeSnapshotHeader,
  type SnapshotId,
  snapshotIdOf,
} from '../storage/snapshot-file';
import type { SnapshotWriter, Storage } from '../storage/storage';
import {
  type SnapshotChunk,
  type SnapshotOffer,
  SnapshotRefused,
} from '../transport/snapshot-transfer';

/** After a write that failed the disk is left alone for so long. */
const PAUSE_AFTER_FAILURE_MS = 2000;

/** What receiving needs of the replica around it. */
export interface SnapshotReceiverHost {
  /** The largest snapshot that is taken. */
  readonly bytesMax: number;
  readonly storage: Pick<Storage, 'receiveSnapshot'>;
  readonly term: () => Term;
  readonly commitIndex: () => number;
  readonly nowMs: () => number;
  /** Writing one down failed; what had come of it is gone. */
  readonly onFailed?: () => void;
  /**
   * Tells the core that a snapshot is here, and replaces the state if the core wants that.
   *
   * @param data undefined when the log is as far already: the core says so.
   */
  readonly deliver: (
    from: ServerId,
    term: Term,
    snapshot: SnapshotMetadata,
    data: Uint8Array | undefined,
  ) => void;
}

interface Current {
  readonly from: ServerId;
  readonly term: Term;
  readonly snapshot: SnapshotMetadata;
  readonly id: SnapshotId;
  readonly writer: SnapshotWriter;
}

/**
 * The receiver's side of transfers, without a network: takes one snapshot at a time, writes its chunks down as they come, and hands it over when it is whole. What is
 * here of a snapshot outlives the stream, the sender and the process: whoever offers the same one goes on from there.
 */
export class IncomingSnapshots {
  private current: Current | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private notBeforeMs = -Infinity;
  private isClosed = false;

  constructor(private readonly host: SnapshotReceiverHost) {}

  /** See {@link TransportHandler.onSnapshotOffer}. */
  offer(from: ServerId, offer: SnapshotOffer): Promise<number> {
    return this.inTurn(() => this.takeOffer(from, offer));
  }

  /** See {@link TransportHandler.onSnapshotChunk}. */
  chunk(from: ServerId, chunk: SnapshotChunk): Promise<number> {
    return this.inTurn(() => this.takeChunk(from, chunk));
  }

  /** Resolves when the storage is not used any more. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.turn;
    await this.current?.writer.close();
    this.current = undefined;
  }

  private async takeOffer(from: ServerId, { term, header }: SnapshotOffer): Promise<number> {
    const { host } = this;
    this.requireTerm(term);
    if (this.current !== undefined && term < this.current.term) {
      throw new SnapshotRefused(`a snapshot of the later term ${this.current.term} is on its way`);
    }
    const decoded = decodeHeader(header);
    const { snapshot, dataBytes } = decoded;
    if (dataBytes > host.bytesMax) {
      throw new SnapshotRefused(
        `a snapshot of ${dataBytes} bytes is above the limit, ${host.bytesMax}: raise snapshotBytesMax`,
      );
    }
    // One that is no further than our log is not worth the disk; the core answers what we have.
    if (snapshot.lastIncludedIndex <= host.commitIndex()) {
      host.deliver(from, term, snapshot, undefined);
      return chunkCountOf(decoded);
    }
    if (host.nowMs() < this.notBeforeMs) {
      throw new StorageError('snapshotFailed', 'writing a snapshot failed a moment ago');
    }
    const writer = await this.writerFor(header);
    const current = { from, term, snapshot, id: snapshotIdOf(header), writer };
    this.current = current;
    return await this.maybeFinish(current);
  }

  private async takeChunk(from: ServerId, chunk: SnapshotChunk): Promise<number> {
    this.requireTerm(chunk.term);
    const { current } = this;
    if (current === undefined || current.from !== from || current.term !== chunk.term) {
      throw new DecodeError(`server ${from} sends a chunk of a snapshot that it has not offered`);
    }
    if (!isSame(current.id, chunk.id)) {
      throw new DecodeError(`server ${from} sends a chunk of another snapshot than it has offered`);
    }
    const { writer } = current;
    // Repeated: it is here.
    if (chunk.number < writer.nextChunk) return writer.nextChunk;
    try {
      await writer.write(chunk.number, chunk);
    } catch (error) {
      if (!(error instanceof DecodeError)) await this.giveUp(writer);
      throw error;
    }
    return await this.maybeFinish(current);
  }

  /** @returns the first chunk that is missing. */
  private async maybeFinish({ from, term, snapshot, writer }: Current): Promise<number> {
    if (writer.nextChunk < writer.chunkCount) return writer.nextChunk;
    this.current = undefined;
    let whole: Awaited<ReturnType<SnapshotWriter['finish']>>;
    try {
      whole = await writer.finish();
    } catch (error) {
      if (!(error instanceof DecodeError)) await this.giveUp(writer);
      throw error;
    }
    this.host.deliver(from, term, snapshot, whole?.data);
    return writer.chunkCount;
  }

  private async writerFor(header: Uint8Array): Promise<SnapshotWriter> {
    const { current } = this;
    if (current !== undefined && Buffer.compare(current.writer.header, header) === 0) {
      return current.writer;
    }
    this.current = undefined;
    try {
      return await this.host.storage.receiveSnapshot(header);
    } catch (error) {
      this.noteFailure();
      throw error;
    }
  }

  /** The log needs the room more. */
  private async giveUp(writer: SnapshotWriter): Promise<void> {
    this.current = undefined;
    this.noteFailure();
    await writer.discard();
  }

  private noteFailure(): void {
    this.notBeforeMs = this.host.nowMs() + PAUSE_AFTER_FAILURE_MS;
    this.host.onFailed?.();
  }

  private requireTerm(term: Term): void {
    const own = this.host.term();
    if (term < own) throw new SnapshotRefused(`term ${term} is over, this is term ${own}`);
  }

  private inTurn(take: () => Promise<number>): Promise<number> {
    const taken = this.turn.then(() => {
      if (this.isClosed) throw new Error('this replica is not running');
      return take();
    });
    this.turn = taken.catch(() => undefined);
    return taken;
  }
}

function decodeHeader(header: Uint8Array): ReturnType<typeof decodeSnapshotHeader> {
  try {
    return decodeSnapshotHeader(header);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new SnapshotRefused(error.message);
  }
}

function isSame(one: SnapshotId, other: SnapshotId): boolean {
  return (
    one.lastIncludedIndex === other.lastIncludedIndex &&
    one.lastIncludedTerm === other.lastIncludedTerm &&
    one.checksum === other.checksum
  );
}
