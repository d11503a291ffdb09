import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { nodeIdOf, type PeerOption } from '@raftway/raft';
import type { ReplicaOptions } from './replica-options';
import { ordinalOf, serverIdOf } from './stateful-set/pod-addresses';
import { listedPeers, podAddressesOf } from './stateful-set/stateful-set';

/** A pod of a StatefulSet is `<name>-<ordinal>`: its node id is ordinal + 1, as Raft's ids start at 1. 1 for any other host name. */
export function nodeIdFromHostName(hostName: string): number {
  const ordinal = /-(\d{1,8})$/.exec(hostName.split('.')[0] ?? '')?.[1];
  return ordinal === undefined ? 1 : Number(ordinal) + 1;
}

/** `.raftway/<service>-<node id>` under the workspace root, which is the nearest folder above with an nx.json, or else under `cwd`. */
export function defaultDataDir(service: string, nodeId: number, cwd: string): string {
  return path.join(workspaceRoot(cwd) ?? cwd, '.raftway', `${service}-${nodeId}`);
}

/**
 * The id of the replica that this process is. A pod that joins has the one that its directory was first used under, or that of the present generation.
 *
 * @throws StorageError when that directory is damaged.
 */
export function nodeIdOfProcess(
  service: string,
  options: Pick<ReplicaOptions, 'nodeId' | 'dataDir' | 'raftAutoJoin' | 'raftJoinGeneration'>,
): number {
  const { nodeId, raftAutoJoin, raftJoinGeneration } = options;
  if (nodeId !== undefined) return nodeId;
  const first = nodeIdFromHostName(hostname());
  if (!raftAutoJoin) return first;
  const dataDir = options.dataDir ?? defaultDataDir(service, first, process.cwd());
  const ordinal = ordinalOf(first);
  const used = nodeIdOf(dataDir);
  if (used === undefined) return serverIdOf(ordinal, raftJoinGeneration);
  // Another pod's directory is refused when it is opened under this one's id.
  return ordinalOf(used) === ordinal ? used : first;
}

/** Other pods of its StatefulSet come later: with an empty directory they wait to be added. */
export function isFounder(
  { raftAutoJoin, raftJoinGeneration, peers }: ReplicaOptions,
  nodeId: number,
): boolean {
  if (!raftAutoJoin) return true;
  return peers?.has(nodeId) === true && raftJoinGeneration === 0;
}

/** Whom a replica with an empty directory knows, itself too. */
export function foundingPeers(options: ReplicaOptions, nodeId: number): PeerOption[] {
  const { peers, peerBind } = options;
  if (peers === undefined) return [{ id: nodeId, address: peerBind }];
  const listed = new Map(listedPeers(options, nodeId));
  const pods = podAddressesOf(options);
  if (pods !== undefined && !listed.has(nodeId)) listed.set(nodeId, pods.of(nodeId));
  return [...listed].map(([id, address]) => ({ id, address }));
}

function workspaceRoot(from: string): string | undefined {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'nx.json'))) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
}
