import { type BinaryReader, type BinaryWriter } from '@raftway/raft/state-machine';
import { type LockMetadata } from './model';

/** Two lengths. */
const ENTRY_BYTES_MIN = 4;

export function writeMetadata(writer: BinaryWriter, metadata: LockMetadata): void {
  writer.list(metadata, ([key, value]) => writer.text(key).text(value));
}

/** Throws DecodeError on bytes that {@link writeMetadata} did not write. */
export function readMetadata(reader: BinaryReader): LockMetadata {
  return reader.list(ENTRY_BYTES_MIN, () => [reader.text(), reader.text()] as const);
}
