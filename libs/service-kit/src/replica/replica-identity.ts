import { existsSync } from 'node:fs';
import path from 'node:path';

/** A pod of a StatefulSet is `<name>-<ordinal>`: its node id is ordinal + 1, as Raft's ids start at 1. 1 for any other host name. */
export function nodeIdFromHostName(hostName: string): number {
  const ordinal = /-(\d{1,8})$/.exec(hostName.split('.')[0] ?? '')?.[1];
  return ordinal === undefined ? 1 : Number(ordinal) + 1;
}

/** `.raftway/<service>-<node id>` under the workspace root, which is the nearest folder above with an nx.json, or else under `cwd`. */
export function defaultDataDir(service: string, nodeId: number, cwd: string): string {
  return path.join(workspaceRoot(cwd) ?? cwd, '.raftway', `${service}-${nodeId}`);
}

function workspaceRoot(from: string): string | undefined {
  for (let folder = path.resolve(from); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'nx.json'))) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
}
