/*
 * When a majority of a group is gone for good.
 *
 * Raft has no answer to that: whoever is left cannot know what the others had acknowledged. This is the way out for people who have decided that what one replica has is better
 * than nothing: its data directory is made into a group of one, which others then join. It is not safe in the sense of Raft, and says so: what the lost majority
 * had acknowledged and this replica never got is lost, and what this replica had and nobody had acknowledged becomes true.
 *
 * What must not happen is that a member of the old group comes back and takes part: it could have a longer log and a higher term, and a majority of the old group behind it. So the
 * directory gets a new incarnation, which the old members refuse; and it notes all old members as left behind, which the new group refuses.
 */
import * as path from 'node:path';
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  ENTRY_VERSION,
  type Entry,
  EntryKind,
  type LogIndex,
  type Member,
  type ServerId,
  type Term,
} from '../core';
import { StorageError } from '../errors';
import { LEFT_BEHIND } from '../transport/admission';
import { FileStorage } from './file-storage';
import { nodeFileSystem } from './file-system';
import { decodeMeta, META_FILE } from './meta-file';
import type { Recovered } from './storage';

/** What a stopped replica's data directory holds. */
export interface DirectoryReport {
  readonly directory: string;
  readonly nodeId: ServerId;
  readonly clusterId: string;
  readonly incarnationId: string;
  /** The newest term that this replica has heard of. */
  readonly term: Term;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** As far as it knew what was committed when it last wrote: more may have been. */
  readonly commitIndex: LogIndex;
  /** 0 when there is no snapshot. */
  readonly snapshotIndex: LogIndex;
  /** The configuration in force. */
  readonly members: readonly Member[];
  /** The last batch is damaged: it may have been acknowledged. */
  readonly isTailSuspect: boolean;
}

/** What {@link recoverGroup} has done. */
export interface GroupRecovered {
  /** What the directory held before. */
  readonly before: DirectoryReport;
  /** Where the new configuration is in the log; it is committed when the replica starts. */
  readonly configurationIndex: LogIndex;
  readonly term: Term;
  readonly incarnationId: string;
  /** Members of the old group that are refused from now on. */
  readonly leftBehind: readonly ServerId[];
}

/**
 * Says what a stopped replica's data directory holds. Takes the directory's lock meanwhile, and cuts an unfinished last batch, as a start does.
 *
 * @throws StorageError `locked` while a process uses it, `damaged` with file, offset and remedy, `foreign` when it is no data directory.
 */
export async function inspectDirectory(directory: string): Promise<DirectoryReport> {
  const { storage, report } = await openStopped(directory);
  await storage.close();
  return report;
}

/**
 * Makes a stopped replica's data directory into a group of one, whose only member is this replica: everything in its log counts as committed once it starts. The members
 * of the old group can never take part again under their ids: wipe them, and add them under new ones.
 *
 * A crash in the middle leaves a directory with which this can be repeated. See the head of this file for what may be lost.
 *
 * @param options.address "host:port" of its peer endpoint from now on. Default: the one in its log.
 * @throws StorageError as for {@link inspectDirectory}; `foreign` when the replica has never been in a group, so that there is nothing to recover.
 */
export async function recoverGroup(
  directory: string,
  options: { readonly address?: string | undefined } = {},
): Promise<GroupRecovered> {
  const { storage, recovered, report } = await openStopped(directory);
  try {
    const self = report.members.find(({ id }) => id === report.nodeId);
    const address = options.address ?? self?.address;
    if (address === undefined) {
      throw new StorageError('foreign', 'this replica has never been a member of its group', {
        file: directory,
        remedy: 'Recover another replica; or say under which address this one is reached',
      });
    }
    const leftBehind = report.members.map(({ id }) => id).filter((id) => id !== report.nodeId);
    const members = new Map(recovered.peerIncarnations);
    for (const id of leftBehind) members.set(id, LEFT_BEHIND);
    // First: with this alone, nobody of the old group talks to it any more, nor it to them.
    const incarnationId = await storage.beginIncarnation(members);
    const configuration: Configuration = {
      clusterId: report.clusterId,
      members: [{ id: report.nodeId, address, voter: true }],
    };
    const term = Math.max(report.term, report.lastTerm) + 1;
    const entry = configurationEntry(configuration, report.lastIndex + 1, term, recovered);
    await storage.persist({
      number: 1,
      hardState: { currentTerm: term, votedFor: 0, commitIndex: report.commitIndex },
      entries: [entry],
      snapshot: undefined,
    });
    await storage.trustTail();
    return { before: report, configurationIndex: entry.index, term, incarnationId, leftBehind };
  } finally {
    await storage.close();
  }
}

async function openStopped(
  directory: string,
): Promise<{ storage: FileStorage; recovered: Recovered; report: DirectoryReport }> {
  const { nodeId, clusterId } = await readMeta(directory);
  const storage = new FileStorage({ directory, nodeId, clusterId });
  const recovered = await storage.open();
  const report = describe(directory, nodeId, clusterId, recovered);
  if (report.members.length > 0) return { storage, recovered, report };
  await storage.close();
  throw new StorageError('foreign', 'this replica has never been a member of a group', {
    file: directory,
    remedy: 'There is nothing in it: recover another replica',
  });
}

async function readMeta(
  directory: string,
): Promise<{ readonly nodeId: ServerId; readonly clusterId: string }> {
  const file = path.join(directory, META_FILE);
  let bytes: Buffer;
  try {
    bytes = await nodeFileSystem.read(file);
  } catch (error) {
    // FileStorage would make a new directory of it.
    throw new StorageError('foreign', 'this is no data directory of a replica', {
      file,
      remedy: 'Name the directory that has meta.json and wal in it',
      cause: error,
    });
  }
  return decodeMeta(file, bytes);
}

function describe(
  directory: string,
  nodeId: ServerId,
  clusterId: string,
  recovered: Recovered,
): DirectoryReport {
  const { hardState, entries, snapshot, incarnationId, suspectTail } = recovered;
  const last = entries.at(-1);
  const snapshotIndex = snapshot?.lastIncludedIndex ?? 0;
  const lastIndex = Math.max(last?.index ?? 0, snapshotIndex);
  const configured = entries.findLast(
    ({ kind, index }) => kind === EntryKind.configuration && index > snapshotIndex,
  );
  const configuration =
    configured === undefined ? snapshot?.configuration : decodeConfiguration(configured.payload);
  return {
    directory,
    nodeId,
    clusterId,
    incarnationId,
    term: hardState.currentTerm,
    lastIndex,
    lastTerm: last?.index === lastIndex ? last.term : (snapshot?.lastIncludedTerm ?? 0),
    commitIndex: Math.max(hardState.commitIndex, snapshotIndex),
    snapshotIndex,
    members: configuration?.members ?? [],
    isTailSuspect: suspectTail !== undefined,
  };
}

function configurationEntry(
  configuration: Configuration,
  index: LogIndex,
  term: Term,
  { entries, snapshot }: Recovered,
): Entry {
  return {
    version: ENTRY_VERSION,
    index,
    term,
    kind: EntryKind.configuration,
    // The log clock never goes back.
    stampMs: Math.max(entries.at(-1)?.stampMs ?? 0, snapshot?.stampMs ?? 0),
    clientId: '',
    sequence: 0,
    payload: encodeConfiguration(configuration),
  };
}
