import { crc32c } from './crc32c';
import type { ServerId } from '../core';
import { StorageError } from '../errors';
import type { SuspectTail } from './storage';

/** What a data directory says about itself. */
export interface Meta {
  readonly formatVersion: number;
  readonly nodeId: ServerId;
  readonly clusterId: string;
  /** Drawn when the directory was first used. */
  readonly incarnationId: string;
  /** True once something was written to the log: from then on a missing log is damage. */
  readonly written: boolean;
  readonly peerIncarnations: ReadonlyMap<ServerId, string>;
  /** Where the log was cut although what stood there may have been acknowledged; until the group has made up for it. */
  readonly suspectTail?: SuspectTail | undefined;
}

export const META_FORMAT_VERSION = 1;

/** Its name in a data directory. */
export const META_FILE = 'meta.json';

/** The meta file: JSON that a person can read, with the CRC-32C of its contents. */
export function encodeMeta(meta: Meta): Buffer {
  const contents = JSON.stringify({
    ...meta,
    peerIncarnations: Object.fromEntries(meta.peerIncarnations),
  });
  const checksum = crc32c(Buffer.from(contents, 'utf8'));
  return Buffer.from(
    `${JSON.stringify({ checksum, contents: JSON.parse(contents) as unknown })}\n`,
    'utf8',
  );
}

/** @throws StorageError when the file is damaged or of a newer format. */
export function decodeMeta(file: string, bytes: Buffer): Meta {
  const damaged = (cause?: unknown): StorageError =>
    new StorageError('damaged', 'the file that names this node is damaged', {
      file,
      remedy: 'Restore the directory from a copy, or replace this node by a new one under a new id',
      ...(cause === undefined ? {} : { cause }),
    });
  let parsed: {
    checksum: number;
    contents: Omit<Meta, 'peerIncarnations'> & { peerIncarnations: Record<string, string> };
  };
  try {
    parsed = JSON.parse(bytes.toString('utf8')) as typeof parsed;
  } catch (error) {
    throw damaged(error);
  }
  const contents = parsed?.contents;
  if (contents === undefined || contents === null) throw damaged();
  if (crc32c(Buffer.from(JSON.stringify(contents), 'utf8')) !== parsed.checksum) throw damaged();
  if (contents.formatVersion !== META_FORMAT_VERSION) {
    throw new StorageError(
      'unsupported',
      `data directory format ${contents.formatVersion} is not understood`,
      { file, remedy: 'Run the version that wrote it, or a newer one' },
    );
  }
  const peers = Object.entries(contents.peerIncarnations);
  return {
    ...contents,
    peerIncarnations: new Map(peers.map(([id, incarnation]) => [Number(id), incarnation])),
  };
}
