import * as path from 'node:path';
import { DecodeError } from '../state-machine/binary-reader';
import type { SnapshotMetadata } from '../core';
import { StorageError } from '../errors';
import type { FileSystem } from './file-system';
import {
  decodeSnapshotHeader,
  decodeWholeSnapshotFile,
  type Snapshot,
  snapshotIdOf,
} from './snapshot-file';
import { FileSnapshotReader, readSnapshotHeader, readWholeSnapshot } from './snapshot-reader';
import { FileSnapshotWriter, writeSnapshotFile } from './snapshot-writer';
import type { SnapshotData, SnapshotReader, SnapshotWriter } from './storage';

const NAME = /^(\d{16})-(\d{16})\.snapshot$/;
/** Of a snapshot that is being received; it is the only one. */
const INCOMING_NAME = 'incoming.part';

interface StoredFile {
  readonly index: number;
  readonly name: string;
  readonly bytes: number;
}

/**
 * Snapshot files in one directory. There are at most four at a time: the newest; one that is older and still being sent; one that is being written, under a
 * temporary name; and one of which a part has been received.
 */
export class SnapshotStore {
  private newest: StoredFile | undefined;
  /** Older than the newest, and still being sent. */
  private retained: StoredFile | undefined;
  private readonly readers = new Map<string, Set<SnapshotReader>>();
  private incoming: FileSnapshotWriter | undefined;
  /** Bytes of a part that nobody has gone on with since the start. */
  private leftBytes = 0;
  private changes: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly directory: string,
    private readonly fileSystem: FileSystem,
    private readonly chunkBytes: number,
  ) {}

  /** Finds the newest snapshot and checks it, and removes what an earlier process left unfinished. Undefined when there is none. */
  async open(): Promise<Snapshot | undefined> {
    await this.fileSystem.makeDirectory(this.directory);
    this.newest = undefined;
    const names = await this.fileSystem.list(this.directory);
    let newest: { readonly index: number; readonly name: string } | undefined;
    for (const name of names) {
      const match = NAME.exec(name);
      if (match === null) continue;
      const index = Number(match[1]);
      if (index > (newest?.index ?? 0)) newest = { index, name };
    }
    // Its name may be in the kernel's memory only, when a process was killed right after the rename; the log is about to rely on it.
    if (newest !== undefined) await this.fileSystem.syncDirectory(this.directory);
    const found = newest === undefined ? undefined : await this.readFile(newest.name);
    if (newest !== undefined && found !== undefined)
      this.newest = { ...newest, bytes: found.bytes };
    await this.clean(names);
    // Without chunks it could not be sent: it is written again in the present format, under its name.
    if (found?.isOld === true) await this.write(found.whole.snapshot, found.whole.data);
    return found?.whole;
  }

  /** Bytes and number of the whole files, and bytes of the one that is being received. */
  get usage(): {
    readonly snapshots: number;
    readonly snapshotBytes: number;
    readonly incomingBytes: number;
  } {
    const files = [this.newest, this.retained].filter((file) => file !== undefined);
    return {
      snapshots: files.length,
      snapshotBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      incomingBytes: this.incoming?.bytes ?? this.leftBytes,
    };
  }

  /** Writes a snapshot durably, then forgets older ones. Does nothing, and answers 0, when it is no newer than what is there. One at a time. */
  save(snapshot: SnapshotMetadata, data: SnapshotData): Promise<number> {
    return this.inTurn(async () => (this.isNews(snapshot) ? await this.write(snapshot, data) : 0));
  }

  private isNews({ lastIncludedIndex }: SnapshotMetadata): boolean {
    return lastIncludedIndex > (this.newest?.index ?? 0);
  }

  private async write(snapshot: SnapshotMetadata, data: SnapshotData): Promise<number> {
    const temporary = this.pathOf(`${nameOf(snapshot)}.tmp`);
    const { fileSystem, chunkBytes } = this;
    const { dataBytes, fileBytes } = await writeSnapshotFile(
      fileSystem,
      temporary,
      snapshot,
      data,
      chunkBytes,
    );
    await this.publish(temporary, snapshot, fileBytes);
    return dataBytes;
  }

  /** Gives a whole, durable file its name. */
  private async publish(from: string, snapshot: SnapshotMetadata, bytes: number): Promise<void> {
    const name = nameOf(snapshot);
    try {
      await this.fileSystem.rename(from, this.pathOf(name));
      await this.fileSystem.syncDirectory(this.directory);
    } catch (error) {
      throw new StorageError('snapshotFailed', 'naming a snapshot failed', {
        file: this.pathOf(name),
        remedy: 'Check the disk and its free space',
        cause: error,
      });
    }
    const before = this.newest;
    this.newest = { index: snapshot.lastIncludedIndex, name, bytes };
    if (before !== undefined && before.name !== name) await this.retire(before);
  }

  /** Forgets a file that is not the newest any more, unless it is being sent and nothing else is retained. */
  private async retire(file: StoredFile): Promise<void> {
    const readers = this.readers.get(file.name);
    if (readers !== undefined && this.retained === undefined) {
      this.retained = file;
      return;
    }
    this.readers.delete(file.name);
    for (const reader of readers ?? []) await reader.close();
    await this.fileSystem.remove(this.pathOf(file.name));
  }

  /** @throws StorageError `damaged` when the newest one does not hold what was written. */
  async load(): Promise<Snapshot | undefined> {
    if (this.newest === undefined) return undefined;
    return (await this.readFile(this.newest.name)).whole;
  }

  /** See {@link Storage.readSnapshot}. */
  read(): Promise<SnapshotReader | undefined> {
    return this.inTurn(async () => {
      if (this.newest === undefined) return undefined;
      const { name } = this.newest;
      const reader: SnapshotReader = await FileSnapshotReader.open(
        this.pathOf(name),
        this.fileSystem,
        () => this.release(name, reader),
      );
      const readers = this.readers.get(name) ?? new Set();
      this.readers.set(name, readers.add(reader));
      return reader;
    });
  }

  private async release(name: string, reader: SnapshotReader): Promise<void> {
    const readers = this.readers.get(name);
    readers?.delete(reader);
    if (readers === undefined || readers.size > 0) return;
    this.readers.delete(name);
    if (this.retained?.name !== name) return;
    this.retained = undefined;
    await this.fileSystem.remove(this.pathOf(name));
  }

  /** See {@link Storage.receiveSnapshot}. */
  async receive(header: Uint8Array): Promise<SnapshotWriter> {
    // What is no header leaves everything as it is.
    decodeSnapshotHeader(header);
    await this.incoming?.close();
    this.incoming = undefined;
    this.leftBytes = 0;
    const incoming = await FileSnapshotWriter.open(
      this.pathOf(INCOMING_NAME),
      this.fileSystem,
      header,
      (snapshot, bytes) => this.adopt(incoming, snapshot, bytes),
    );
    this.incoming = incoming;
    return incoming;
  }

  private adopt(
    incoming: FileSnapshotWriter,
    snapshot: SnapshotMetadata,
    bytes: number,
  ): Promise<boolean> {
    return this.inTurn(async () => {
      const from = this.pathOf(INCOMING_NAME);
      if (this.incoming === incoming) this.incoming = undefined;
      if (!this.isNews(snapshot)) {
        await this.fileSystem.remove(from);
        return false;
      }
      await this.publish(from, snapshot, bytes);
      return true;
    });
  }

  /** What is left of an earlier process: unfinished files, older ones, and a part that nothing can come of any more. */
  private async clean(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const isOlder = NAME.test(name) && name !== this.newest?.name;
      if (isOlder || name.endsWith('.tmp')) await this.fileSystem.remove(this.pathOf(name));
    }
    if (!names.includes(INCOMING_NAME)) return;
    const file = await this.fileSystem.open(this.pathOf(INCOMING_NAME));
    let index = 0;
    try {
      this.leftBytes = await file.size();
      const header = await readSnapshotHeader(file);
      if (header !== undefined) index = snapshotIdOf(header).lastIncludedIndex;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    } finally {
      await file.close();
    }
    if (index > (this.newest?.index ?? 0)) return;
    this.leftBytes = 0;
    await this.fileSystem.remove(this.pathOf(INCOMING_NAME));
  }

  private async readFile(
    name: string,
  ): Promise<{ readonly whole: Snapshot; readonly isOld: boolean; readonly bytes: number }> {
    const file = this.pathOf(name);
    try {
      const handle = await this.fileSystem.open(file);
      try {
        const header = await readSnapshotHeader(handle);
        if (header === undefined) {
          const bytes = await this.fileSystem.read(file);
          return { whole: decodeWholeSnapshotFile(bytes), isOld: true, bytes: bytes.length };
        }
        const whole = await readWholeSnapshot(handle, header);
        return { whole, isOld: false, bytes: await handle.size() };
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      throw new StorageError('damaged', error.message, {
        file,
        remedy:
          'The log before it is gone, so it cannot be left out: if a newer version wrote it, start that one; otherwise restore the directory from a copy, or replace ' +
          'this node by a new one under a new id while a majority of the others is healthy',
        cause: error,
      });
    }
  }

  private pathOf(name: string): string {
    return path.join(this.directory, name);
  }

  private inTurn<Value>(change: () => Promise<Value>): Promise<Value> {
    const done = this.changes.then(change);
    this.changes = done.catch(() => undefined);
    return done;
  }
}

function nameOf({ lastIncludedIndex, lastIncludedTerm }: SnapshotMetadata): string {
  const digits = (value: number): string => String(value).padStart(16, '0');
  return `${digits(lastIncludedIndex)}-${digits(lastIncludedTerm)}.snapshot`;
}
