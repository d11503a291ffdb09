import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WORKSPACE } from './suite';

const BUF = join(WORKSPACE, 'node_modules', '.bin', 'buf');
const CACHE = mkdtempSync(join(tmpdir(), 'raftway-buf-'));

export type ReflectionProtocol = 'grpc-v1' | 'grpc-v1alpha';

/** Calls a method with `buf curl` over reflection: a client that is not ours. Yields the replies as JSON. */
export async function bufCurl(
  gateway: string,
  method: string,
  data: string,
  reflection: ReflectionProtocol,
): Promise<Record<string, unknown>[]> {
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile(
      BUF,
      [
        ...['curl', '--http2-prior-knowledge', '--protocol', 'grpc'],
        ...['--reflect', '--reflect-protocol', reflection],
        ...['-d', data, `http://${gateway}/${method}`],
      ],
      { timeout: 60_000, env: { ...process.env, BUF_CACHE_DIR: CACHE } },
      (error, out, stderr) =>
        error === null ? resolve(out) : reject(new Error(`${error.message}\n${stderr}`)),
    );
  });
  return parseJsonSequence(stdout);
}

/** buf prints one JSON document a reply, pretty-printed, with nothing between them. */
function parseJsonSequence(text: string): Record<string, unknown>[] {
  return text
    .split(/(?<=^\})\n/m)
    .filter((document) => document.trim() !== '')
    .map((document) => JSON.parse(document) as Record<string, unknown>);
}
