/*
 * Whose a data directory is, before anybody opens it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ServerId } from '../core';
import { decodeMeta, type Meta, META_FILE } from './meta-file';

/**
 * The server that has used the directory; undefined when nobody has.
 *
 * @throws StorageError when the file that says so is damaged or of a newer format.
 */
export function nodeIdOf(directory: string): ServerId | undefined {
  return readMeta(directory)?.nodeId;
}

/**
 * The cluster id of a directory, for who starts in it whatever it is.
 *
 * @returns undefined for an empty directory, and for one that is damaged: opening it says how.
 */
export function clusterIdOf(directory: string): string | undefined {
  try {
    return readMeta(directory)?.clusterId;
  } catch {
    return undefined;
  }
}

function readMeta(directory: string): Meta | undefined {
  const file = path.join(directory, META_FILE);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return decodeMeta(file, bytes);
}
