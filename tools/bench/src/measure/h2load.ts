import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BenchError } from '../bench-error';
import type { LoadResult } from './load';

const run = promisify(execFile);

/** More streams than this go over a further connection, as a busy client's would. */
const STREAMS_PER_CONNECTION_MAX = 64;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
/** Columns of the log: start time, status, duration in microseconds. */
const LOG_STATUS_COLUMN = 1;
const LOG_DURATION_COLUMN = 2;

/** Unary gRPC calls, all the same. */
export interface UnaryLoad {
  /** `host:port` */
  readonly address: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** The message, without gRPC's prefix. */
  readonly message: Uint8Array;
  /** `name: value` each, beside those of every gRPC call. @default none */
  readonly headers?: readonly string[] | undefined;
}

/** Makes unary calls with h2load, which is written in C: it takes less of the machine than what it measures. */
export class H2Load {
  private bodies = 0;

  /** @param directory for its files. */
  constructor(private readonly directory: string) {}

  /** Prepares a load; the function runs it. */
  async prepare(
    load: UnaryLoad,
  ): Promise<(inFlight: number, seconds: number, perSecond?: number) => Promise<LoadResult>> {
    const number = ++this.bodies;
    const body = join(this.directory, `h2load-${number}.body`);
    const log = join(this.directory, `h2load-${number}.log`);
    await writeFile(body, framed(load.message));
    const headers = ['content-type: application/grpc', 'te: trailers', ...(load.headers ?? [])];
    return async (inFlight, seconds, perSecond) => {
      const clients = Math.ceil(inFlight / STREAMS_PER_CONNECTION_MAX);
      const streams = Math.ceil(inFlight / clients);
      // h2load would add to it.
      await rm(log, { force: true });
      const { stdout } = await run(
        'h2load',
        [
          ...[
            '-D',
            `${Math.round(seconds * 1000)}ms`,
            '-c',
            String(clients),
            '-m',
            String(streams),
            '-t',
            '1',
          ],
          ...['-d', body, `--log-file=${log}`],
          ...headers.flatMap((header) => ['-H', header]),
          // Of each client.
          ...(perSecond === undefined ? [] : ['--rps', String(perSecond / clients)]),
          `http://${load.address}${load.path}`,
        ],
        { maxBuffer: OUTPUT_BYTES_MAX },
      );
      return readResult(stdout, await readFile(log, 'latin1'), seconds);
    };
  }
}

/** A message with gRPC's prefix: a byte that says "not compressed", and the length. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** @throws BenchError when a request failed on the level of HTTP. */
export function readResult(output: string, log: string, seconds: number): LoadResult {
  const counts = /(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(
    output,
  );
  if (counts === null) throw new BenchError(`h2load said nothing of requests:\n${output}`);
  const [, done, succeeded, , errored] = counts.map(Number);
  if (done === undefined || done === 0 || done !== succeeded || errored !== 0) {
    throw new BenchError(`requests failed: ${counts[0]}`);
  }
  const latenciesMs: number[] = [];
  for (const line of log.split('\n')) {
    const columns = line.split('\t');
    if (columns[LOG_STATUS_COLUMN] !== '200') continue;
    latenciesMs.push(Number(columns[LOG_DURATION_COLUMN]) / 1000);
  }
  return { operations: done, seconds, latenciesMs };
}
