import { good, headers } from '@raftway/http2/testing';
import { TARGET_SERVICE } from './target';

/** Methods of the target: `Take` answers at the end of the request, `Quiet` never, `Deaf` does not even read, `Large` sends 64 MiB. */
export type TargetMethod = 'Take' | 'Quiet' | 'Deaf' | 'Large';

/** The path of a method of the target. */
export function pathOf(method: TargetMethod): string {
  return `/${TARGET_SERVICE}/${method}`;
}

/** Headers of a good call, some replaced (undefined: left out), some added. */
export function callHeaders(
  changes: Readonly<Record<string, string | undefined>>,
  ...added: string[]
): string[] {
  const pairs: string[] = [];
  for (let index = 0; index < good.length; index += 2) {
    const name = good[index] ?? '';
    const value = name in changes ? changes[name] : good[index + 1];
    if (value !== undefined) pairs.push(name, value);
  }
  return [...pairs, ...added];
}

/** HEADERS of a call of the target. */
export function open(streamId: number, method: TargetMethod, flags = 0): Buffer {
  return headers(streamId, callHeaders({ ':path': pathOf(method) }), flags);
}

/** The n-th stream id of a client. */
export function streamIdAt(index: number): number {
  return 1 + 2 * index;
}
