import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ServerId } from '../core';
import { decodeMeta, META_FILE } from './meta-file';

/**
 * Whose data directory it is, before anybody opens it; undefined when nobody has used it.
 *
 * @throws StorageError when the file that says so is damaged or of a newer format.
 */
export function nodeIdOf(directory: string): ServerId | undefined {
  const file = path.join(directory, META_FILE);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return decodeMeta(file, bytes).nodeId;
}
