import * as path from 'node:path';
import { DecodeError } from '../state-machine/binary-reader';
import type { SnapshotMetadata } from '../core';
import { StorageError } from '../errors';
import { type FileSystem, replaceFile } from './file-system';
import { decodeSnapshotFile, encodeSnapshotFile, type Snapshot } from './snapshot-file';

const NAME = /^(\d{16})-(\d{16})\.snapshot$/;

/** Snapshot files in one directory: written whole, one kept. */
export class SnapshotStore {
  private newest: { readonly index: number; readonly name: string } | undefined;
  private saves: Promise<void> = Promise.resolve();

  constructor(
    private readonly directory: string,
    private readonly fileSystem: FileSystem,
  ) {}

  /** Finds the newest snapshot and checks it. Undefined when there is none. */
  async open(): Promise<Snapshot | undefined> {
    await this.fileSystem.makeDirectory(this.directory);
    this.newest = undefined;
    for (const name of await this.fileSystem.list(this.directory)) {
      const match = NAME.exec(name);
      if (match === null) continue;
      const index = Number(match[1]);
      if (index > (this.newest?.index ?? 0)) this.newest = { index, name };
    }
    // Its name may be in the kernel's memory only, when a process was killed right after the rename; the log is about to rely on it.
    if (this.newest !== undefined) await this.fileSystem.syncDirectory(this.directory);
    return await this.load();
  }

  /** Writes a snapshot durably, then forgets older ones. Does nothing when a newer one is there. One at a time. */
  save(snapshot: SnapshotMetadata, data: Uint8Array): Promise<void> {
    const saved = this.saves.then(() => this.write(snapshot, data));
    this.saves = saved.catch(() => undefined);
    return saved;
  }

  private async write(snapshot: SnapshotMetadata, data: Uint8Array): Promise<void> {
    const index = snapshot.lastIncludedIndex;
    if (index <= (this.newest?.index ?? 0)) return;
    const digits = (value: number): string => String(value).padStart(16, '0');
    const name = `${digits(index)}-${digits(snapshot.lastIncludedTerm)}.snapshot`;
    const file = path.join(this.directory, name);
    try {
      await replaceFile(this.fileSystem, file, encodeSnapshotFile(snapshot, data));
    } catch (error) {
      throw new StorageError('snapshotFailed', 'writing a snapshot failed', {
        file,
        remedy: 'Check the disk and its free space',
        cause: error,
      });
    }
    this.newest = { index, name };
    await this.forgetOlder(name);
  }

  /** @throws StorageError `damaged` when the newest one does not hold what was written. */
  async load(): Promise<Snapshot | undefined> {
    if (this.newest === undefined) return undefined;
    const file = path.join(this.directory, this.newest.name);
    try {
      return decodeSnapshotFile(await this.fileSystem.read(file));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new StorageError('damaged', error.message, {
        file,
        remedy:
          'The log before it is gone, so it cannot be left out: restore the directory from a copy, or replace this node by a new ' +
          'one under a new id while a majority of the others is healthy',
        cause: error,
      });
    }
  }

  private async forgetOlder(keep: string): Promise<void> {
    for (const name of await this.fileSystem.list(this.directory)) {
      if (name < keep && (NAME.test(name) || name.endsWith('.tmp'))) {
        await this.fileSystem.remove(path.join(this.directory, name));
      }
    }
  }
}
