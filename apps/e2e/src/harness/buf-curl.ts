import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WORKSPACE } from './suite';

const BUF = join(WORKSPACE, 'node_modules', '.bin', 'buf');
const CACHE = mkdtempSync(join(tmpdir(), 'raftway-buf-'));

export type ReflectionProtocol = 'grpc-v1' | 'grpc-v1alpha';

/** Calls a method with `buf curl` by gRPC and over reflection: a client that is not ours. Yields the replies as JSON. */
export function bufCurl(
  gateway: string,
  method: string,
  data: string,
  reflection: ReflectionProtocol,
): Promise<Record<string, unknown>[]> {
  const schema = ['--reflect', '--reflect-protocol', reflection];
  return run(['--http2-prior-knowledge', '--protocol', 'grpc', ...schema], gateway, method, data);
}

/** Calls a method with `buf curl` by a protocol of the web, with the schema from the protos folder. */
export function bufCurlWeb(
  gateway: string,
  method: string,
  data: string,
  { protocol, http }: { readonly protocol: 'grpcweb' | 'connect'; readonly http: '1.1' | '2' },
): Promise<Record<string, unknown>[]> {
  const version = http === '2' ? ['--http2-prior-knowledge'] : [];
  const schema = ['--schema', join(WORKSPACE, 'protos')];
  return run([...version, '--protocol', protocol, ...schema], gateway, method, data);
}

async function run(
  flags: readonly string[],
  gateway: string,
  method: string,
  data: string,
): Promise<Record<string, unknown>[]> {
  const stdout = await new Promise<string>((resolve, reject) => {
    execFile(
      BUF,
      ['curl', ...flags, '-d', data, `http://${gateway}/${method}`],
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
