import { constants, fdatasync, writeSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

/** An open file, reduced to what the WAL and the snapshots need. */
export interface OpenFile {
  /** Writes all of the bytes at a position. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Up to `count` bytes from a position: fewer where the file ends before. */
  read(position: number, count: number): Promise<Buffer>;
  /** In bytes. */
  size(): Promise<number>;
  /** Resolves when the contents are on stable storage. */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The operating system's files as a port, so that tests can count syncs, fail them, or drop what was not synced. All paths are
 * absolute or relative to the working directory, as in node:fs.
 */
export interface FileSystem {
  makeDirectory(directory: string): Promise<void>;
  /** Names in the directory, in any order. */
  list(directory: string): Promise<readonly string[]>;
  read(file: string): Promise<Buffer>;
  /** Opens for writing; creates the file when it is not there. */
  open(file: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  remove(file: string): Promise<void>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(directory: string): Promise<void>;
}

/**
 * Writes up to this size are made at once: copying them into the page cache takes microseconds, and a visit to libuv's thread pool takes
 * longer than that on an idle machine, and a turn of the scheduler, there and back, on a busy one.
 */
const WRITE_AT_ONCE_BYTES_MAX = 64 * 1024;

/** The real thing. Syncs run in libuv's thread pool, so heartbeats continue meanwhile. */
export const nodeFileSystem: FileSystem = {
  async makeDirectory(directory) {
    await fs.mkdir(directory, { recursive: true });
  },
  list: (directory) => fs.readdir(directory),
  read: (file) => fs.readFile(file),
  async open(file) {
    const handle = await fs.open(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    return {
      async write(bytes, position) {
        for (let done = 0; done < bytes.length;) {
          const left = bytes.length - done;
          done +=
            bytes.length <= WRITE_AT_ONCE_BYTES_MAX
              ? writeSync(handle.fd, bytes, done, left, position + done)
              : (await handle.write(bytes, done, left, position + done)).bytesWritten;
        }
      },
      async read(position, count) {
        const bytes = Buffer.allocUnsafe(count);
        let done = 0;
        while (done < count) {
          const { bytesRead } = await handle.read(bytes, done, count - done, position + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return bytes.subarray(0, done);
      },
      size: async () => (await handle.stat()).size,
      // fdatasync also flushes the size, which is the metadata that a growing file needs.
      // With a callback: the promise of a FileHandle costs a turn more, and there is one for each batch.
      sync: () =>
        new Promise((resolve, reject) => {
          fdatasync(handle.fd, (error) => {
            if (error === null) resolve();
            else reject(error);
          });
        }),
      truncate: (size) => handle.truncate(size),
      close: () => handle.close(),
    };
  },
  rename: (from, to) => fs.rename(from, to),
  remove: (file) => fs.rm(file, { force: true }),
  async syncDirectory(directory) {
    const handle = await fs.open(directory, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/**
 * Writes a whole file so that after a crash it is either the old one or the new one: temporary file, sync, rename, directory sync.
 */
export async function replaceFile(
  fileSystem: FileSystem,
  file: string,
  contents: readonly Uint8Array[],
): Promise<void> {
  const temporary = `${file}.tmp`;
  await fileSystem.remove(temporary);
  const handle = await fileSystem.open(temporary);
  try {
    let position = 0;
    for (const part of contents) {
      await handle.write(part, position);
      position += part.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fileSystem.rename(temporary, file);
  await fileSystem.syncDirectory(path.dirname(file));
}
