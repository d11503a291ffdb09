import { createReadStream } from 'node:fs';
import { DecodeError } from '../state-machine/binary-reader';
import { StorageError } from '../errors';
import { BackupDecoder, type BackupSummary } from './backup-file';

/**
 * Reads a backup from a file and checks all of it.
 *
 * @param onData gets the state, piece by piece. Nothing of it is certain before this resolves.
 * @throws StorageError `damaged`, or `io` when it cannot be read.
 */
export async function readBackup(
  file: string,
  onData?: (data: Uint8Array) => void,
): Promise<BackupSummary> {
  const decoder = new BackupDecoder(onData);
  try {
    for await (const piece of createReadStream(file)) decoder.push(piece as Buffer);
    return decoder.finish();
  } catch (error) {
    if (error instanceof DecodeError) {
      throw new StorageError('damaged', error.message, {
        file,
        remedy: 'Use another backup, or another copy of this one',
        cause: error,
      });
    }
    throw new StorageError('io', `the backup cannot be read: ${(error as Error).message}`, {
      file,
      cause: error,
    });
  }
}
