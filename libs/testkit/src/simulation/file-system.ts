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

/** A write under way. */
export interface PendingWrite {
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

/** What the operating system answers when it refuses. */
export class SystemError extends Error {
  constructor(readonly code: string) {
    super(`${code}, simulated`);
  }
}

/**
 * The files of one machine, as its kernel and its disk have them. Processes see them through a {@link ProcessFiles}.
 *
 * Contents are safe when the file was synced, names when their directory was. A power cut loses the rest page by page, in any order; the end of a process loses
 * nothing but cuts a write short. Syncs may fail once, after which the kernel holds the pages for clean; writes may find the disk full.
 */
export class SimulatedFileSystem {
  /** Milliseconds that one sync takes, at most. */
  latencyMaxMs = 3;
  /** Writes that need more room fail, after a part of them. */
  isFull = false;
  /** How many of these writes fail when it is full: the others find room that somebody else has made. */
  shortage = 1;
  /** Called when a sync begins. */
  onSync: (() => void) | undefined;
  /** Called when a file was removed, which only the sync of its directory makes safe. */
  onRemove: (() => void) | undefined;
  /** The next sync of a file fails. */
  failNextSync = false;
  /** What waits for a disk that hangs; undefined while it does not. */
  private hung: (() => void)[] | undefined;
  private names = new Map<string, PageFile>();
  private durableNames = new Map<string, PageFile>();
  private changes = new Map<string, NameChange[]>();
  /** Writes that a process has asked for. */
  readonly pendingWrites = new Set<PendingWrite>();
  /** Counts the processes that have ended. */
  generation = 0;
  private readonly pageBytes: number;

  constructor(readonly world: FileSystemWorld) {
    this.pageBytes = world.random.pick([32, 64, 256]);
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

  /** From now on nothing is done or answered. */
  hang(): void {
    this.hung ??= [];
  }

  /** The disk does what it was asked meanwhile. */
  wake(): void {
    const waiting = this.hung ?? [];
    this.hung = undefined;
    for (const run of waiting) run();
  }

  /** Does it at once, or when the disk hangs no longer. */
  whenAwake(run: () => void): void {
    if (this.hung === undefined) run();
    else this.hung.push(run);
  }

  /** No more faults. */
  becomePerfect(): void {
    this.latencyMaxMs = 3;
    this.isFull = false;
    this.shortage = 1;
    this.failNextSync = false;
    this.onSync = undefined;
    this.onRemove = undefined;
    this.wake();
  }

  exists(name: string): boolean {
    return this.names.has(name);
  }

  /** All names below a directory, sorted. */
  namesIn(directory: string): string[] {
    return [...this.names.keys()].filter((name) => name.startsWith(`${directory}/`)).sort();
  }

  /** @throws SystemError ENOENT */
  file(name: string): PageFile {
    const file = this.names.get(name);
    if (file === undefined) throw new SystemError('ENOENT');
    return file;
  }

  /** For readers at once, and after a power cut perhaps. */
  change(change: NameChange): void {
    apply(this.names, change);
    const directory = path.dirname(change.name);
    const changes = this.changes.get(directory);
    if (changes === undefined) this.changes.set(directory, [change]);
    else changes.push(change);
    if (change.type === 'remove') this.onRemove?.();
  }

  createIfMissing(name: string): void {
    if (this.names.has(name)) return;
    if (this.isFull && this.world.random.chance(0.3)) throw this.noSpace();
    this.change({ type: 'create', name, file: new PageFile(this.pageBytes) });
  }

  /** Ends a sync, well or with an error after which the pages count as clean. */
  sync(file: PageFile): void {
    if (!this.failNextSync) {
      file.sync();
      return;
    }
    this.failNextSync = false;
    file.failSync();
    this.world.coverage.syncFailures += 1;
    throw new SystemError('EIO');
  }

  /** Ends a write; of one that finds the disk full a part is done. */
  write(write: PendingWrite): void {
    const { file, bytes, position } = write;
    this.pendingWrites.delete(write);
    const needsRoom = this.isFull && !file.hasRoom(position, position + bytes.length);
    if (!needsRoom || (this.shortage < 1 && !this.world.random.chance(this.shortage))) {
      file.write(bytes, position);
      return;
    }
    const written = this.world.random.integer(0, bytes.length - 1);
    if (written > 0) file.write(bytes.subarray(0, written), position);
    throw this.noSpace();
  }

  private noSpace(): SystemError {
    this.world.coverage.diskFull += 1;
    return new SystemError('ENOSPC');
  }

  /** Makes the first `count` changes in a directory durable. */
  keepNames(directory: string, count: number): void {
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
