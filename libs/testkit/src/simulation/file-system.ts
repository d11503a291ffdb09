import type { FileSystem, OpenFile } from '@raftway/raft';
import * as path from 'node:path';
import type { EventQueue } from '../event-queue';
import type { SeededRandom } from '../random';
import type { Coverage } from './coverage';
import { PageFile } from './page-file';

/** A change of names in a directory that its sync has not made durable. */
type NameChange =
  | { readonly type: 'create'; readonly name: string; readonly file: PageFile }
  | { readonly type: 'rename'; readonly name: string; readonly to: string }
  | { readonly type: 'remove'; readonly name: string };

interface PendingWrite {
  readonly file: PageFile;
  readonly bytes: Uint8Array;
  readonly position: number;
}

/** What the file system shares with the simulation around it. */
export interface FileSystemWorld {
  readonly queue: EventQueue;
  readonly random: SeededRandom;
  readonly coverage: Coverage;
  /** A promise was settled: what waits for it must run before the next event. */
  readonly settled: () => void;
  /** Runs at once, or when the process that waits for it is no longer frozen. */
  readonly whenRunning: (run: () => void) => void;
}

class SystemError extends Error {
  constructor(readonly code: string) {
    super(`${code}, simulated`);
  }
}

/**
 * The operating system's files in virtual time, for real storage code to run on.
 *
 * Contents are safe when the file was synced, names when their directory was. A power cut loses the rest page by page, in any order; the end of a process loses
 * nothing but cuts a write short. Syncs may fail once, after which the kernel holds the pages for clean; writes may find the disk full.
 */
export class SimulatedFileSystem implements FileSystem {
  /** Milliseconds that one sync takes, at most. */
  latencyMaxMs = 3;
  /** Writes that need more room fail, after a part of them. */
  isFull = false;
  /** The next sync of a file fails. */
  failNextSync = false;
  private names = new Map<string, PageFile>();
  private durableNames = new Map<string, PageFile>();
  private changes = new Map<string, NameChange[]>();
  private readonly pendingWrites = new Set<PendingWrite>();
  /** Calls of a process that has ended are never answered. */
  private generation = 0;
  private readonly pageBytes: number;

  constructor(private readonly world: FileSystemWorld) {
    this.pageBytes = world.random.pick([32, 64, 256]);
  }

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  list(directory: string): Promise<readonly string[]> {
    return this.call(0, () => {
      const found = new Set<string>();
      for (const name of this.names.keys()) {
        if (!name.startsWith(`${directory}/`)) continue;
        found.add(name.slice(directory.length + 1).split('/')[0] as string);
      }
      return [...found];
    });
  }

  read(name: string): Promise<Buffer> {
    return this.call(0, () => this.file(name).read());
  }

  open(name: string): Promise<OpenFile> {
    return this.call(0, () => {
      if (!this.names.has(name)) {
        if (this.isFull && this.world.random.chance(0.3)) throw this.noSpace();
        this.change({ type: 'create', name, file: new PageFile(this.pageBytes) });
      }
      return this.handle(this.file(name));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.call(0, () => this.change({ type: 'rename', name: from, to }));
  }

  remove(name: string): Promise<void> {
    if (!this.names.has(name)) return Promise.resolve();
    return this.call(0, () => this.change({ type: 'remove', name }));
  }

  syncDirectory(directory: string): Promise<void> {
    return this.call(this.latencyMaxMs, () => this.keepNames(directory, Infinity));
  }

  /** The process ends: what it has written is still in the kernel's memory; of a write under way, a part. */
  endProcess(): void {
    this.generation += 1;
    for (const { file, bytes, position } of this.pendingWrites) {
      const written = this.world.random.integer(0, bytes.length);
      if (written > 0) file.write(bytes.subarray(0, written), position);
    }
    this.pendingWrites.clear();
    this.failNextSync = false;
  }

  /** The machine loses power, and the process with it. */
  losePower(): void {
    this.endProcess();
    const { random, coverage } = this.world;
    for (const [directory, changes] of this.changes) {
      this.keepNames(directory, random.integer(0, changes.length));
    }
    this.changes.clear();
    this.names = new Map(this.durableNames);
    const losses = { dropped: 0, torn: 0, reordered: 0 };
    for (const file of this.names.values()) file.losePower(random, losses);
    coverage.pagesDropped += losses.dropped;
    coverage.pagesTorn += losses.torn;
    coverage.writesReordered += losses.reordered;
  }

  /** A file's contents and a way to spoil them; undefined when it is not there. */
  peek(name: string): PageFile | undefined {
    return this.names.get(name);
  }

  /** All names below a directory, sorted. */
  namesIn(directory: string): string[] {
    return [...this.names.keys()].filter((name) => name.startsWith(`${directory}/`)).sort();
  }

  private handle(file: PageFile): OpenFile {
    return {
      write: (bytes, position) => this.write(file, bytes, position),
      sync: () =>
        this.call(this.latencyMaxMs, () => {
          if (!this.failNextSync) {
            file.sync();
            return;
          }
          this.failNextSync = false;
          file.failSync();
          this.world.coverage.syncFailures += 1;
          throw new SystemError('EIO');
        }),
      truncate: (size) => this.call(0, () => file.truncate(size)),
      close: () => Promise.resolve(),
    };
  }

  private write(file: PageFile, bytes: Uint8Array, position: number): Promise<void> {
    const pending = { file, bytes, position };
    this.pendingWrites.add(pending);
    return this.call(0.1, () => {
      this.pendingWrites.delete(pending);
      if (this.isFull && position + bytes.length > file.size) {
        const written = this.world.random.integer(0, bytes.length - 1);
        if (written > 0) file.write(bytes.subarray(0, written), position);
        throw this.noSpace();
      }
      file.write(bytes, position);
    });
  }

  private noSpace(): SystemError {
    this.world.coverage.diskFull += 1;
    return new SystemError('ENOSPC');
  }

  /** Answers after some virtual time, unless the process has ended by then. */
  private call<Result>(delayMaxMs: number, run: () => Result): Promise<Result> {
    const { queue, random, whenRunning, settled } = this.world;
    const { generation } = this;
    return new Promise((resolve, reject) => {
      queue.after(delayMaxMs === 0 ? 0 : 0.05 + random.next() * delayMaxMs, () => {
        if (generation !== this.generation) return;
        let answer: () => void;
        try {
          const result = run();
          answer = () => resolve(result);
        } catch (error) {
          answer = () => reject(error as Error);
        }
        whenRunning(() => {
          if (generation !== this.generation) return;
          answer();
          settled();
        });
      });
    });
  }

  private file(name: string): PageFile {
    const file = this.names.get(name);
    if (file === undefined) throw new SystemError('ENOENT');
    return file;
  }

  private change(change: NameChange): void {
    apply(this.names, change);
    const directory = path.dirname(change.name);
    const changes = this.changes.get(directory);
    if (changes === undefined) this.changes.set(directory, [change]);
    else changes.push(change);
  }

  /** Makes the first `count` changes in a directory durable. */
  private keepNames(directory: string, count: number): void {
    const changes = this.changes.get(directory) ?? [];
    for (const change of changes.splice(0, count)) apply(this.durableNames, change);
  }
}

function apply(names: Map<string, PageFile>, change: NameChange): void {
  if (change.type === 'create') names.set(change.name, change.file);
  else if (change.type === 'remove') names.delete(change.name);
  else {
    const file = names.get(change.name);
    names.delete(change.name);
    if (file !== undefined) names.set(change.to, file);
  }
}
