import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { K8S } from '../support/manifests';

const CLI = path.join(K8S, '..', 'tools', 'cli', 'dist', 'main.js');

/** What `raft status --json` prints, as far as tests ask for it: one element a server. */
export type GroupStatus = readonly {
  readonly status?: { readonly leaderId: string };
}[];

/** Runs the built command; yields what it prints. @throws Error when it fails. */
export async function raftway(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [CLI, ...args]);
  return stdout;
}

const run = promisify(execFile);
