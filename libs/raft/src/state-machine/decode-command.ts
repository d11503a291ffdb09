import { BinaryReader } from './binary-reader';

/** Says that a newer version of the code wrote these bytes. */
export class NewerFormatError extends Error {
  override readonly name = 'NewerFormatError';

  constructor(format: number, newestKnown: number) {
    super(`format ${format} is newer than ${newestKnown}, the newest that this replica knows`);
  }
}

/**
 * Reads a command that begins with its format version in one byte, as a state machine has to:
 *
 * - Bytes that are no command yield undefined. Every replica says the same of them, so that refusing them in the result is safe.
 * - A format newer than this code is thrown, which stops the replica: it cannot know what the others, which may be upgraded already, did with
 *   the entry, and skipping it would make the states differ.
 *
 * @param format what this code writes, and the newest that it reads.
 * @param read reads what follows the format; it may throw, or return undefined, for bytes that are no command.
 * @throws NewerFormatError
 */
export function decodeCommandWith<Command>(
  bytes: Uint8Array,
  format: number,
  read: (reader: BinaryReader) => Command | undefined,
): Command | undefined {
  const newer = bytes[0] ?? 0;
  if (newer > format) throw new NewerFormatError(newer, format);
  try {
    const reader = new BinaryReader(bytes);
    if (reader.u8() !== format) return undefined;
    const command = read(reader);
    reader.end();
    return command;
  } catch {
    return undefined;
  }
}
