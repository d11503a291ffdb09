import * as path from 'node:path';
import type { HardState, LogIndex } from '../../core';
import { StorageError } from '../../errors';
import { type FileSystem, type OpenFile } from '../file-system';
import { type Batch, encodeFrame } from './frame';
import { recoverLog, type RecoveredLog, type RecoveredSegment } from './recovery';
import {
  encodeSegmentHeader,
  SEGMENT_FORMAT_VERSION,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from './segment';

interface Segment {
  readonly name: string;
  readonly segmentNumber: number;
  highestIndex: LogIndex;
  /** Of its file: all of it is taken from the disk when it is made. */
  sizeBytes: number;
  /** A durable batch in it repeats the hard state that there was. */
  hasHardState: boolean;
}

function isNoSpace(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** What one append cost. */
export interface AppendCost {
  readonly bytes: number;
  /** From the write's end to the sync's. */
  readonly syncMs: number;
}

/**
 * The write-ahead log: numbered segments of atomic batches, one write and one sync a batch.
 *
 * After a failed write or sync the log is broken for good: the kernel may have marked the lost pages clean, so a second fsync that
 * succeeds proves nothing (Rebello et al., "Can Applications Recover from fsync Failures?", ATC '20).
 */
export class WriteAheadLog {
  private segments: Segment[] = [];
  private file: OpenFile | undefined;
  private position = 0;
  /** An older version began this segment: what is new goes into another one. */
  private isOldFormat = false;
  private nextBatchNumber = 1;
  private hardState: HardState | undefined;
  private failure: StorageError | undefined;

  constructor(
    private readonly directory: string,
    private readonly fileSystem: FileSystem,
    private readonly segmentBytes: number,
  ) {}

  /**
   * Reads everything, cuts a bad tail, and is then ready to append.
   *
   * @param beforeChange is awaited before anything is cut or removed: afterwards nothing in the log tells of it. Nothing is, when it throws.
   */
  async open(beforeChange: (recovered: RecoveredLog) => Promise<void>): Promise<RecoveredLog> {
    await this.fileSystem.makeDirectory(this.directory);
    const names = await this.fileSystem.list(this.directory);
    const recovered = await recoverLog(this.directory, names, (file) => this.fileSystem.read(file));
    await beforeChange(recovered);
    if (recovered.stillborn !== undefined) {
      await this.fileSystem.remove(path.join(this.directory, recovered.stillborn));
      await this.fileSystem.syncDirectory(this.directory);
    }
    this.nextBatchNumber = recovered.nextBatchNumber;
    this.hardState = recovered.hardState;
    this.segments = recovered.segments.map((segment) => ({
      name: segment.name,
      segmentNumber: segment.segmentNumber,
      highestIndex: segment.highestIndex,
      sizeBytes: Math.max(segment.sizeBytes, this.segmentBytes),
      hasHardState: segment.hasHardState,
    }));
    const last = recovered.segments.at(-1);
    if (last !== undefined) {
      this.file = await this.fileSystem.open(path.join(this.directory, last.name));
      this.position = last.sizeBytes;
      this.isOldFormat = last.formatVersion !== SEGMENT_FORMAT_VERSION;
      if (recovered.tornTail !== undefined) await this.file.truncate(last.sizeBytes);
      await this.file.truncate(Math.max(last.sizeBytes, this.segmentBytes));
      await this.keep(last, this.file);
    }
    return recovered;
  }

  /**
   * What was read may be in the kernel's memory only: the process was killed before its sync, or that sync failed, and a file whose pages count as clean would not
   * be written by another one. The core is about to speak for it, so it is written once more. All but the last batch was synced before the next one was begun.
   */
  private async keep(last: RecoveredSegment, file: OpenFile): Promise<void> {
    if (last.lastFrame.length > 0) {
      await file.write(last.lastFrame, last.sizeBytes - last.lastFrame.length);
    }
    await file.sync();
    await this.fileSystem.syncDirectory(this.directory);
  }

  /**
   * Makes a batch durable. Not to be called again before it settles.
   *
   * @throws StorageError `noSpace` when the disk is full: nothing has changed, and it may be tried again. `io` is final.
   */
  async append(batch: Batch): Promise<AppendCost> {
    if (this.failure !== undefined) throw this.failure;
    try {
      return await this.appendOrBreak(batch);
    } catch (error) {
      if (error instanceof StorageError && error.code === 'noSpace') throw error;
      this.failure = new StorageError('io', 'writing the log failed', {
        file: path.join(this.directory, this.segments.at(-1)?.name ?? ''),
        offset: this.position,
        remedy:
          'The process must stop and recover from what is on disk; check the disk and its free space',
        cause: error,
      });
      throw this.failure;
    }
  }

  private async appendOrBreak(batch: Batch): Promise<AppendCost> {
    this.hardState = batch.hardState ?? this.hardState;
    let frame = encodeFrame(this.nextBatchNumber, batch);
    const full =
      this.position > SEGMENT_HEADER_BYTES && this.position + frame.length > this.segmentBytes;
    if (this.file === undefined || full || this.isOldFormat) {
      await this.roll(batch.entries[0]?.index ?? batch.reset?.index ?? 0);
    }
    const file = this.file as unknown as OpenFile;
    const segment = this.segments.at(-1) as Segment;
    // Older segments may go before this one, so each repeats the hard state. Not when it is made: a crash or a full disk may leave it empty.
    if (!segment.hasHardState) {
      frame = encodeFrame(this.nextBatchNumber, { ...batch, hardState: this.hardState });
    }
    try {
      await file.write(frame, this.position);
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      // Some of it may be there: what is written later must not be followed by it.
      await file.truncate(this.position);
      await file.truncate(Math.max(this.position, this.segmentBytes));
      throw this.noSpace(error);
    }
    const syncedFrom = performance.now();
    await file.sync();
    const syncMs = performance.now() - syncedFrom;
    this.position += frame.length;
    this.nextBatchNumber += 1;
    segment.hasHardState = true;
    segment.sizeBytes = Math.max(segment.sizeBytes, this.position);
    segment.highestIndex = Math.max(segment.highestIndex, batch.entries.at(-1)?.index ?? 0);
    return { bytes: frame.length, syncMs };
  }

  private async roll(firstIndex: LogIndex): Promise<void> {
    const previous = this.segments.at(-1);
    const segmentNumber = (previous?.segmentNumber ?? 0) + 1;
    const name = segmentName(segmentNumber, firstIndex);
    const header = encodeSegmentHeader({
      segmentNumber,
      firstBatchNumber: this.nextBatchNumber,
      firstIndex,
    });
    const temporary = path.join(this.directory, `${name}.tmp`);
    const file = await this.create(temporary, header);
    await this.fileSystem.rename(temporary, path.join(this.directory, name));
    await this.fileSystem.syncDirectory(this.directory);
    await this.file?.close();
    this.file = file;
    this.isOldFormat = false;
    this.position = header.length;
    const sizeBytes = this.segmentBytes;
    this.segments.push({ name, segmentNumber, highestIndex: 0, sizeBytes, hasHardState: false });
  }

  /** A new file with these contents. It may fail as often as it likes: nothing depends on it before it has its name. */
  private async create(temporary: string, contents: Buffer): Promise<OpenFile> {
    let file: OpenFile | undefined;
    try {
      await this.fileSystem.remove(temporary);
      file = await this.fileSystem.open(temporary);
      await file.write(contents, 0);
      // Its whole length from the start: a sync that need not write down a new size is a third faster, and each batch waits for one.
      await file.truncate(this.segmentBytes);
      await file.sync();
      return file;
    } catch (error) {
      await file?.close();
      throw isNoSpace(error) ? this.noSpace(error) : error;
    }
  }

  private noSpace(cause: unknown): StorageError {
    return new StorageError('noSpace', 'the disk is full', {
      file: this.directory,
      remedy: 'Make room on it; writing is tried again until then, and nothing is acknowledged',
      cause,
    });
  }

  /** Removes leading segments that hold no entry above the index; never the newest one that has the term and the vote. */
  async compact(upTo: LogIndex): Promise<void> {
    for (;;) {
      const [oldest, ...younger] = this.segments;
      if (oldest === undefined || oldest.highestIndex > upTo) return;
      if (!younger.some(({ hasHardState }) => hasHardState)) return;
      this.segments.shift();
      await this.fileSystem.remove(path.join(this.directory, oldest.name));
      // One at a time and in order: a crash in between leaves a log that begins later, never one with a hole.
      await this.fileSystem.syncDirectory(this.directory);
    }
  }

  /** How many files there are, and how long they are. */
  get usage(): { readonly segments: number; readonly segmentBytes: number } {
    const segmentBytes = this.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { segments: this.segments.length, segmentBytes };
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }
}
