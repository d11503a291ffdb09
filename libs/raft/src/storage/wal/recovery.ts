import * as path from 'node:path';
import { DecodeError } from '../../state-machine/binary-reader';
import type { Entry, HardState, LogIndex } from '../../core';
import { StorageError } from '../../errors';
import { type Batch, decodeFrameAt, findFrameFrom, type Frame, type LogReset } from './frame';
import {
  decodeSegmentHeader,
  SEGMENT_FORMAT_VERSION,
  SEGMENT_FORMAT_VERSION_OLDEST,
  SEGMENT_HEADER_BYTES,
  segmentNumberOf,
} from './segment';
import { endOfContents, isUnfinishedWrite } from './tail';

/**
 * What a log on disk says after a crash.
 *
 * Every batch is synced before the next one is written, so a crash can leave only the very last batch incomplete, and that one was never
 * acknowledged: it is cut. Is it bad and yet as long as it was meant to be, then it may have been whole and acknowledged once: it is cut as well, and the replica is
 * told that it may have forgotten something (tail.ts, ADR 006). The obvious rule, "cut at the first bad checksum", loses acknowledged entries when a sector in the middle rots
 * (Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST '18). So a bad batch with a good one anywhere behind
 * it, in the same file or a later one, is damage: opening fails, and a person decides.
 */
export interface RecoveredLog {
  readonly hardState: HardState | undefined;
  /** Consecutive; the first one may be above 1 when older segments were let go. */
  readonly entries: readonly Entry[];
  /** The newest reset, when the log continued from a snapshot. */
  readonly reset: LogReset | undefined;
  readonly segments: readonly RecoveredSegment[];
  readonly nextBatchNumber: number;
  /** Where the last segment must be cut before it is written again. */
  readonly tornTail: TailPosition | undefined;
  /** What was cut, or removed, may have been acknowledged. */
  readonly suspectTail: TailPosition | undefined;
  /** A last segment whose header was not complete: created by a crash in the middle of a roll, and to be removed. */
  readonly stillborn: string | undefined;
}

/** A place in a segment. */
export interface TailPosition {
  readonly name: string;
  readonly offset: number;
}

export interface RecoveredSegment {
  readonly name: string;
  readonly formatVersion: number;
  readonly segmentNumber: number;
  /** The highest index that any of its entries has; 0 when it has none. */
  readonly highestIndex: LogIndex;
  /** One of its batches has the hard state. */
  readonly hasHardState: boolean;
  readonly sizeBytes: number;
  /** The bytes of its last batch, which end at sizeBytes; empty when it has none. */
  readonly lastFrame: Uint8Array;
}

const DAMAGE_REMEDY =
  'The disk or somebody changed this file. Do not delete it: restore the directory from a copy, or replace this ' +
  'node by a new one under a new id while a majority of the others is healthy';

const NEWER_REMEDY = 'Run the version that wrote it, or a newer one';

/** How many batches behind a damaged one are looked at as "behind it"; a payload could look like a frame with any number. */
const BATCHES_BEHIND_MAX = 1_000_000;

/** Rebuilds the log from the segments among a directory's files, reading one after the other, oldest first. */
export async function recoverLog(
  directory: string,
  names: readonly string[],
  read: (file: string) => Promise<Buffer>,
): Promise<RecoveredLog> {
  const replay = new Replay(directory);
  const ordered = names
    .filter((name) => segmentNumberOf(name) !== undefined)
    .sort((a, b) => (segmentNumberOf(a) as number) - (segmentNumberOf(b) as number));
  for (const [position, name] of ordered.entries()) {
    const file = await read(path.join(directory, name));
    replay.segment(name, file, position === ordered.length - 1);
  }
  return replay.result();
}

interface BadEnd extends TailPosition {
  /** It may have been acknowledged. */
  readonly isSuspect: boolean;
}

class Replay {
  private hardState: HardState | undefined;
  private reset: LogReset | undefined;
  private entries: Entry[] = [];
  private readonly segments: RecoveredSegment[] = [];
  private nextBatchNumber: number | undefined;
  private tornTail: TailPosition | undefined;
  private suspectTail: TailPosition | undefined;
  private stillborn: string | undefined;
  /** Where a segment that is not the last one ends with something that is no batch. */
  private badEnd: BadEnd | undefined;

  constructor(private readonly directory: string) {}

  segment(name: string, file: Buffer, last: boolean): void {
    const header = decodeSegmentHeader(file);
    if (header === undefined) {
      if (last && findFrameFrom(file, 0) === undefined) {
        this.stillborn = name;
        if (this.badEnd !== undefined) this.cut(this.badEnd);
        // A batch may have been in it, unless it ends with the header: that is synced before the file gets its name.
        if (endOfContents(file, 0) > SEGMENT_HEADER_BYTES) this.suspectTail = { name, offset: 0 };
        return;
      }
      throw this.damaged(name, 0, 'the header of a log segment is damaged');
    }
    const { formatVersion } = header;
    if (formatVersion < SEGMENT_FORMAT_VERSION_OLDEST || formatVersion > SEGMENT_FORMAT_VERSION) {
      throw new StorageError('unsupported', `log format ${formatVersion} is not understood`, {
        file: path.join(this.directory, name),
        remedy: NEWER_REMEDY,
      });
    }
    const previous = this.segments.at(-1);
    if (previous !== undefined && header.segmentNumber !== previous.segmentNumber + 1) {
      throw this.damaged(
        name,
        0,
        `log segment ${header.segmentNumber} follows ${previous.segmentNumber}: a file is missing`,
      );
    }
    this.nextBatchNumber ??= header.firstBatchNumber;
    if (header.firstBatchNumber !== this.nextBatchNumber) {
      if (this.badEnd !== undefined) throw this.damagedBefore(this.badEnd);
      throw this.damaged(
        name,
        0,
        `the segment begins with batch ${header.firstBatchNumber} where ${this.nextBatchNumber} is due`,
      );
    }
    this.badEnd = undefined;
    const { end, highestIndex, hasHardState, lastFrame } = this.frames(name, file, last);
    this.segments.push({
      name,
      formatVersion,
      segmentNumber: header.segmentNumber,
      highestIndex,
      hasHardState,
      sizeBytes: end,
      lastFrame,
    });
  }

  private frames(
    name: string,
    file: Buffer,
    last: boolean,
  ): { end: number; highestIndex: LogIndex; hasHardState: boolean; lastFrame: Uint8Array } {
    let offset = SEGMENT_HEADER_BYTES;
    let lastOffset = offset;
    let highestIndex = 0;
    let hasHardState = false;
    while (offset < file.length) {
      const due = this.nextBatchNumber as number;
      const frame = this.decode(name, file, offset);
      if (frame === undefined) {
        // Nothing has been written here yet. That nothing is missing is shown by the number with which the next segment begins.
        if (endOfContents(file, offset) === offset) break;
        this.cutOrRefuse(name, file, offset, last);
        break;
      }
      if (frame.batchNumber !== due) {
        throw this.damaged(name, offset, `batch ${frame.batchNumber} stands where ${due} is due`);
      }
      this.apply(name, offset, frame.batch);
      highestIndex = Math.max(highestIndex, frame.batch.entries.at(-1)?.index ?? 0);
      hasHardState ||= frame.batch.hardState !== undefined;
      this.nextBatchNumber = due + 1;
      lastOffset = offset;
      offset = frame.end;
    }
    const lastFrame = file.subarray(lastOffset, offset);
    return { end: offset, highestIndex, hasHardState, lastFrame };
  }

  private cutOrRefuse(name: string, file: Buffer, offset: number, last: boolean): void {
    const due = this.nextBatchNumber as number;
    const behind = findFrameFrom(file, offset + 1);
    if (behind !== undefined && behind > due && behind <= due + BATCHES_BEHIND_MAX) {
      throw this.damaged(
        name,
        offset,
        `batch ${due} is damaged and batch ${behind} behind it is whole`,
      );
    }
    const tail = { name, offset, isSuspect: !isUnfinishedWrite(file, offset) };
    // Nothing is missing when the next segment begins with the batch that is due here. Then this is what is left of a write that was cut by a process whose sync
    // failed: the process after it saw the cut, and the disk did not.
    if (last) this.cut(tail);
    else this.badEnd = tail;
  }

  private cut({ name, offset, isSuspect }: BadEnd): void {
    this.tornTail = { name, offset };
    if (isSuspect) this.suspectTail = { name, offset };
  }

  private apply(name: string, offset: number, batch: Batch): void {
    this.hardState = batch.hardState ?? this.hardState;
    if (batch.reset !== undefined) {
      this.reset = batch.reset;
      this.entries = [];
    }
    const first = batch.entries[0];
    if (first === undefined) return;
    const logFirst = this.entries[0]?.index;
    if (logFirst !== undefined) {
      // Below the first one: the segments before were let go while this batch, which replaces entries of theirs, waited to be written. A snapshot covers those.
      const keep = Math.max(0, first.index - logFirst);
      if (keep > this.entries.length) {
        throw this.damaged(
          name,
          offset,
          `entry ${first.index} follows entries ${logFirst} to ${logFirst + this.entries.length - 1}`,
        );
      }
      // An entry with an index that is already there replaces it and everything after it (Raft §5.3).
      this.entries.length = keep;
    } else if (this.reset !== undefined && first.index !== this.reset.index + 1) {
      throw this.damaged(
        name,
        offset,
        `entry ${first.index} follows a snapshot of ${this.reset.index}`,
      );
    }
    for (const [position, entry] of batch.entries.entries()) {
      if (entry.index !== first.index + position) {
        throw this.damaged(
          name,
          offset,
          `entry ${entry.index} stands where ${first.index + position} is due`,
        );
      }
      this.entries.push(entry);
    }
  }

  result(): RecoveredLog {
    return {
      hardState: this.hardState,
      entries: this.entries,
      reset: this.reset,
      segments: this.segments,
      nextBatchNumber: this.nextBatchNumber ?? 1,
      tornTail: this.tornTail,
      suspectTail: this.suspectTail,
      stillborn: this.stillborn,
    };
  }

  private damagedBefore({ name, offset }: BadEnd): StorageError {
    const fact = `batch ${this.nextBatchNumber} is damaged and a later segment follows`;
    return this.damaged(name, offset, fact);
  }

  private decode(name: string, file: Buffer, offset: number): Frame | undefined {
    try {
      return decodeFrameAt(file, offset);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new StorageError('unsupported', error.message, {
        file: path.join(this.directory, name),
        offset,
        remedy: NEWER_REMEDY,
        cause: error,
      });
    }
  }

  private damaged(name: string, offset: number, fact: string): StorageError {
    return new StorageError('damaged', fact, {
      file: path.join(this.directory, name),
      offset,
      remedy: DAMAGE_REMEDY,
    });
  }
}
