import {
  type BinaryReader,
  type BinaryWriter,
  fingerprint,
  SNAPSHOT_SLICE_BYTES,
} from '@raftway/raft/state-machine';
import { SEQUENCE_NUMBER_MAX } from './limits';
import { refused, type IdResult } from './results';

const SEQUENCE_BYTES_MIN = 10;

/** The last number of every named sequence. */
export class Sequences {
  private readonly lastNumbers = new Map<string, bigint>();
  /** What a sequence that is not known begins after: one that was begun after a backup is not known any more, and has been as far as this at most. */
  private floorNumber = 0n;

  constructor(private readonly sequencesMax: number) {}

  /** Takes the next `count` numbers; a sequence starts at 1. */
  next(name: string, count: number): IdResult {
    const before = this.lastNumbers.get(name);
    if (before === undefined && this.lastNumbers.size >= this.sequencesMax) {
      return refused('sequencesFull');
    }
    const last = (before ?? this.floorNumber) + BigInt(count);
    if (last > SEQUENCE_NUMBER_MAX) return refused('sequenceExhausted');
    this.lastNumbers.set(name, last);
    const first = last - BigInt(count) + 1n;
    return { kind: 'sequenceTaken', first, last, nameHash: fingerprint(name) };
  }

  /** What unknown sequences begin after; 0n unless the state came back from a backup. */
  get floor(): bigint {
    return this.floorNumber;
  }

  /** Moves all sequences on, those that are not known, too; at the end of the numbers a sequence is exhausted. */
  skip(gap: bigint): void {
    this.floorNumber = least(this.floorNumber + gap, SEQUENCE_NUMBER_MAX);
    for (const [name, last] of this.lastNumbers) {
      this.lastNumbers.set(name, least(last + gap, SEQUENCE_NUMBER_MAX));
    }
  }

  /** All of them at this call, behind what the writer has already. */
  slices(writer: BinaryWriter): Iterable<Uint8Array> {
    const names = [...this.lastNumbers.keys()];
    return encodeSlices(writer, names, [...this.lastNumbers.values()]);
  }

  static read(reader: BinaryReader, sequencesMax: number, floor: bigint): Sequences {
    const sequences = new Sequences(sequencesMax);
    sequences.floorNumber = floor;
    for (let left = reader.count(SEQUENCE_BYTES_MIN); left > 0; left -= 1) {
      const name = reader.text();
      sequences.lastNumbers.set(name, reader.i64());
    }
    return sequences;
  }
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function* encodeSlices(
  writer: BinaryWriter,
  names: readonly string[],
  lastNumbers: readonly bigint[],
): Generator<Uint8Array> {
  writer.u32(names.length);
  for (let at = 0; at < names.length; at += 1) {
    writer.text(names[at] as string).i64(lastNumbers[at] as bigint);
    if (writer.length >= SNAPSHOT_SLICE_BYTES) yield writer.take();
  }
  yield writer.take();
}
