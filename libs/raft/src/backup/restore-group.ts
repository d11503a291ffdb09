/*
 * A new group from a backup
 *
 * The state goes back in time: what was handed out after the backup was is not known any more. So the new group is another one, and begins where the old one cannot have been:
 *
 * - It has another cluster id, and its directories are incarnations of their own: replicas of the old group are refused, and refuse it.
 * - Its log goes on at an index that is `indexGap` above the backup's. Whatever services take from the index (fencing tokens, ids of sessions and leases) is then above all that was
 *   handed out after the backup, if that were fewer entries.
 * - The snapshot begins with a mark, upon which the state machines do the rest: StateMachine.returnFromBackup.
 *
 * All directories are made by one call, and have the same snapshot to the byte: replicas that were restored apart, at different times, would differ.
 *
 * Everything is written into a folder beside its place first, in all directories, and moved then, the file that names the node last. A directory in which that folder is left does
 * not start.
 */
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { LogIndex, Member, ServerId, SnapshotMetadata, Term } from '../core';
import { markReturn } from '../client-sessions/deduplicated-state-machine';
import { StorageError } from '../errors';
import { acquireDirectoryLock } from '../storage/directory-lock';
import { FileStorage } from '../storage/file-storage';
import { type FileSystem, nodeFileSystem } from '../storage/file-system';
import { META_FILE } from '../storage/meta-file';
import { RESTORING_NAME } from '../storage/restore-mark';
import type { BackupSummary } from './backup-file';
import { readBackup } from './read-backup';

/** A voter of the new group. */
export interface RestoredMember {
  readonly id: ServerId;
  /** "host:port" of its peer endpoint. */
  readonly address: string;
  /** Its data directory: empty, or not there. */
  readonly directory: string;
}

export interface RestoreOptions {
  /** The backup. */
  readonly file: string;
  /** All voters of the new group, at least one. */
  readonly members: readonly RestoredMember[];
  /** Not the one of the backup's group. */
  readonly clusterId: string;
  /** See ReturnFromBackup. */
  readonly indexGap: number;
  readonly sequenceGap: bigint;
  /** The wall clock, in milliseconds since 1970. */
  readonly restoredAtMs: number;
  /** @default the operating system's */
  readonly fileSystem?: FileSystem | undefined;
}

/** What {@link restoreGroup} has made. */
export interface GroupRestored {
  readonly backup: BackupSummary;
  readonly clusterId: string;
  /** Where the new group's log begins. */
  readonly index: LogIndex;
  readonly term: Term;
  readonly members: readonly Member[];
}

/** Leaves room for as many entries as a group can ever write, and for restores of restores. */
const INDEX_MAX = 2 ** 52;
/** What a new file system may have at its root. */
const HARMLESS_NAMES: readonly string[] = ['lost+found', 'LOCK'];

/**
 * Makes the data directories of a new group from a backup, all or none. Start them with their new cluster id afterwards.
 *
 * @throws StorageError `damaged` for the backup, before anything is written; `foreign` for a directory that is not empty, or a cluster id that is not new; `locked`;
 * `snapshotFailed`, `noSpace` or `io` when writing fails: then everything that was written is removed again.
 */
export async function restoreGroup(options: RestoreOptions): Promise<GroupRestored> {
  const pieces: Uint8Array[] = [];
  const backup = await readBackup(options.file, (data) => void pieces.push(Uint8Array.from(data)));
  const snapshot = rewrite(backup, options);
  const { stampMs: nowMs, lastIncludedIndex: index, lastIncludedTerm: term } = snapshot;
  const { indexGap, sequenceGap, restoredAtMs, clusterId, members } = options;
  const { takenAtMs } = backup;
  const mark = markReturn({ index, nowMs, indexGap, sequenceGap, takenAtMs, restoredAtMs });
  const targets: Target[] = [];
  try {
    for (const { directory } of members) targets.push(await Target.claim(directory));
    for (const [at, { id }] of members.entries()) {
      await targets[at]?.write(id, snapshot, [mark, ...pieces], options.fileSystem);
    }
  } catch (error) {
    for (const target of targets) await target.discard();
    throw error;
  }
  // From here on a crash leaves directories that are whole and directories that do not start.
  for (const target of targets) await target.publish();
  return { backup, clusterId, index, term, members: snapshot.configuration.members };
}

function rewrite(
  { snapshot }: BackupSummary,
  { clusterId, members, indexGap, file }: RestoreOptions,
): SnapshotMetadata {
  const old = snapshot.configuration.clusterId;
  if (clusterId === old) {
    throw new StorageError('foreign', `"${old}" is the cluster id of the group of the backup`, {
      file,
      remedy: 'Choose a new one: replicas of the old group could take part in the new one',
    });
  }
  const lastIncludedIndex = snapshot.lastIncludedIndex + indexGap;
  if (!Number.isSafeInteger(lastIncludedIndex) || lastIncludedIndex > INDEX_MAX) {
    const fact = `a log that begins at ${lastIncludedIndex} is above the limit of ${INDEX_MAX}`;
    throw new StorageError('foreign', fact, { file, remedy: 'Choose a smaller index gap' });
  }
  const voters = members.map(({ id, address }) => ({ id, address, voter: true }));
  return { ...snapshot, lastIncludedIndex, configuration: { clusterId, members: voters } };
}

/** One data directory that is being made. */
class Target {
  private constructor(
    private readonly directory: string,
    private readonly isNew: boolean,
    private readonly unlock: () => void,
  ) {}

  /** Makes sure that it is empty, and keeps replicas from starting in it. @throws StorageError `foreign`, `locked` */
  static async claim(directory: string): Promise<Target> {
    // What mkdir made first, undefined when all of it was there.
    const made = await fs.mkdir(directory, { recursive: true });
    const unlock = acquireDirectoryLock(directory);
    try {
      const names = (await fs.readdir(directory)).filter((name) => !HARMLESS_NAMES.includes(name));
      if (names.length > 0) throw notEmpty(directory, names);
      await fs.mkdir(path.join(directory, RESTORING_NAME));
      await nodeFileSystem.syncDirectory(directory);
      await nodeFileSystem.syncDirectory(path.dirname(directory));
    } catch (error) {
      unlock();
      throw error;
    }
    return new Target(directory, made !== undefined, unlock);
  }

  private get draft(): string {
    return path.join(this.directory, RESTORING_NAME);
  }

  async write(
    nodeId: ServerId,
    snapshot: SnapshotMetadata,
    data: readonly Uint8Array[],
    fileSystem: FileSystem | undefined,
  ): Promise<void> {
    const { clusterId } = snapshot.configuration;
    const { draft: directory } = this;
    const files = fileSystem === undefined ? {} : { fileSystem };
    const storage = new FileStorage({ directory, nodeId, clusterId, ...files });
    await storage.open();
    try {
      await storage.saveSnapshot(snapshot, data);
      const { lastIncludedIndex: commitIndex, lastIncludedTerm: currentTerm } = snapshot;
      const hardState = { currentTerm, votedFor: 0, commitIndex };
      await storage.persist({ number: 1, hardState, entries: [], snapshot });
    } finally {
      await storage.close();
    }
  }

  /** The file that names the node comes last. */
  async publish(): Promise<void> {
    for (const name of ['wal', 'snapshots', META_FILE]) {
      await fs.rename(path.join(this.draft, name), path.join(this.directory, name));
    }
    await nodeFileSystem.syncDirectory(this.directory);
    await fs.rm(this.draft, { recursive: true });
    await nodeFileSystem.syncDirectory(this.directory);
    this.unlock();
  }

  async discard(): Promise<void> {
    await fs.rm(this.draft, { recursive: true, force: true });
    this.unlock();
    if (this.isNew) await fs.rm(this.directory, { recursive: true, force: true });
  }
}

function notEmpty(directory: string, names: readonly string[]): StorageError {
  const isRest = names.includes(RESTORING_NAME);
  const fact = isRest
    ? 'an earlier restore into this directory was not finished'
    : `this directory is not empty: it has ${names.slice(0, 3).join(', ')}`;
  const remedy = isRest
    ? 'Remove what is in it, in the other directories of that restore too, and repeat it'
    : 'Restore into empty directories; move the old ones aside until you are sure';
  return new StorageError('foreign', fact, { file: directory, remedy });
}
