import { callHeaders, headers } from '@raftway/http2/testing';
import { TARGET_SERVICE } from './target';

/** Methods of the target: `Take` answers at the end of the request, `Quiet` never, `Deaf` does not even read, `Large` sends 64 MiB. */
export type TargetMethod = 'Take' | 'Quiet' | 'Deaf' | 'Large';

/** The path of a method of the target. */
export function pathOf(method: TargetMethod): string {
  return `/${TARGET_SERVICE}/${method}`;
}

/** HEADERS of a call of the target. */
export function open(streamId: number, method: TargetMethod, flags = 0): Buffer {
  return headers(streamId, callHeaders({ ':path': pathOf(method) }), flags);
}

/** The n-th stream id of a client. */
export function streamIdAt(index: number): number {
  return 1 + 2 * index;
}
