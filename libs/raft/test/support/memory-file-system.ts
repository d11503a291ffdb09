import * as path from 'node:path';
import type { FileSystem, OpenFile } from '../../src/storage/file-system';

interface File {
  /** What a reader sees. */
  contents: Buffer;
  /** What is left after a power cut. */
  durable: Buffer;
}

/**
 * A disk that keeps only what was synced: contents by the file's sync, names by the directory's. `crash()` is a power cut.
 */
export class MemoryFileSystem implements FileSystem {
  /** Every call that changes or syncs something, in order: `write wal/…`, `sync wal/…`, `rename …`, `syncDirectory …`. */
  readonly calls: string[] = [];
  /** Makes the next matching call fail. */
  failOn: ((call: string) => boolean) | undefined;
  /** What it fails with. */
  failWith: 'EIO' | 'ENOSPC' = 'EIO';
  /** Leaves syncs out, as if somebody had deleted the call. */
  lieAboutSync = false;
  private names = new Map<string, File>();
  private durableNames = new Map<string, File>();

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  list(directory: string): Promise<readonly string[]> {
    const names = new Set<string>();
    for (const name of this.names.keys()) {
      if (!name.startsWith(`${directory}/`)) continue;
      names.add(name.slice(directory.length + 1).split('/')[0] as string);
    }
    return Promise.resolve([...names]);
  }

  read(file: string): Promise<Buffer> {
    const found = this.names.get(file);
    if (found === undefined) return Promise.reject(new Error(`ENOENT: ${file}`));
    return Promise.resolve(Buffer.from(found.contents));
  }

  async open(name: string): Promise<OpenFile> {
    let file = this.names.get(name);
    if (file === undefined) {
      await this.record(`create ${name}`);
      file = { contents: Buffer.alloc(0), durable: Buffer.alloc(0) };
      this.names.set(name, file);
    }
    const opened = file;
    return {
      write: async (bytes, position) => {
        await this.record(`write ${name}`);
        const grown = Buffer.alloc(Math.max(opened.contents.length, position + bytes.length));
        opened.contents.copy(grown);
        grown.set(bytes, position);
        opened.contents = grown;
      },
      read: (position, count) =>
        Promise.resolve(Buffer.from(opened.contents.subarray(position, position + count))),
      size: () => Promise.resolve(opened.contents.length),
      sync: async () => {
        await this.record(`sync ${name}`);
        if (!this.lieAboutSync) opened.durable = Buffer.from(opened.contents);
      },
      truncate: async (size) => {
        await this.record(`truncate ${name}`);
        opened.contents = Buffer.concat([opened.contents.subarray(0, size)], size);
      },
      close: () => Promise.resolve(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    await this.record(`rename ${to}`);
    const file = this.names.get(from) as File;
    this.names.delete(from);
    this.names.set(to, file);
  }

  async remove(file: string): Promise<void> {
    if (!this.names.has(file)) return;
    await this.record(`remove ${file}`);
    this.names.delete(file);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.record(`syncDirectory ${directory}`);
    if (this.lieAboutSync) return;
    for (const name of this.durableNames.keys()) {
      if (path.dirname(name) === directory) this.durableNames.delete(name);
    }
    for (const [name, file] of this.names) {
      if (path.dirname(name) === directory) this.durableNames.set(name, file);
    }
  }

  /** A power cut: what was not synced is gone. */
  crash(): void {
    this.names = new Map(this.durableNames);
    for (const file of this.names.values()) file.contents = Buffer.from(file.durable);
    this.failOn = undefined;
  }

  /** The contents of one file, to be changed at will. */
  edit(file: string, change: (contents: Buffer) => Buffer): void {
    const found = this.names.get(file);
    if (found === undefined) throw new Error(`there is no ${file}`);
    found.contents = change(Buffer.from(found.contents));
    found.durable = Buffer.from(found.contents);
  }

  /** Names below a directory, sorted. */
  files(directory: string): string[] {
    return [...this.names.keys()].filter((name) => name.startsWith(`${directory}/`)).sort();
  }

  /** A disk with the same contents that goes its own way. */
  clone(): MemoryFileSystem {
    const copy = new MemoryFileSystem();
    for (const [name, file] of this.names) {
      const own = { contents: Buffer.from(file.contents), durable: Buffer.from(file.durable) };
      copy.names.set(name, own);
      if (this.durableNames.get(name) === file) copy.durableNames.set(name, own);
    }
    return copy;
  }

  private record(call: string): Promise<void> {
    this.calls.push(call);
    if (this.failOn?.(call) === true) {
      const error = new Error(`${this.failWith}: ${call}`);
      return Promise.reject(Object.assign(error, { code: this.failWith }));
    }
    return Promise.resolve();
  }
}
