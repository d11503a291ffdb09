import type { ServerId, SnapshotMetadata } from '../core';
import { encodeSnapshotFile } from '../storage/snapshot-file';
import type { Admission } from './admission';
import type { ResolvedGrpcTransportOptions } from './grpc-transport-options';
import { PeerStream } from './peer-stream';

/**
 * Sends one snapshot to one peer, chunk after chunk, each when the one before has left. Resolves when the peer has installed it.
 *
 * The time limit is on progress and not on the whole: a slow link that moves is never given up and started over (hashicorp/raft #212).
 *
 * @param signal gives the transfer up.
 */
export function sendSnapshotTo(
  options: ResolvedGrpcTransportOptions,
  admission: Admission,
  peer: ServerId,
  address: string,
  term: number,
  snapshot: SnapshotMetadata,
  data: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  // An aborted signal tells nobody who comes later.
  if (signal.aborted) return Promise.reject(givenUp());
  const file = Buffer.concat(encodeSnapshotFile(snapshot, data));
  const { snapshotChunkBytes, snapshotIdleTimeoutMs } = options.limits;
  return new Promise((resolve, reject) => {
    let offset = 0;
    const settle = (error?: Error): void => {
      clearTimeout(idle);
      signal.removeEventListener('abort', onAbort);
      stream.close();
      if (error === undefined) resolve();
      else reject(error);
    };
    const idle = setTimeout(
      () => settle(new Error('the snapshot transfer makes no progress')),
      snapshotIdleTimeoutMs,
    );
    const onAbort = (): void => settle(givenUp());
    const next = (): void => {
      idle.refresh();
      if (offset >= file.length) {
        stream.finish();
        return;
      }
      const chunk = {
        term: BigInt(term),
        lastIncludedIndex: BigInt(snapshot.lastIncludedIndex),
        lastIncludedTerm: BigInt(snapshot.lastIncludedTerm),
        offset: BigInt(offset),
        totalBytes: BigInt(file.length),
        data: file.subarray(offset, offset + snapshotChunkBytes),
      };
      offset += chunk.data.length;
      stream.writeFrame({ $case: 'chunk', value: chunk }, next);
    };
    const stream = new PeerStream(options, admission, peer, address, 'snapshot', {
      onOpen: next,
      onEnd: (end) => settle(new Error(end.reason)),
      onComplete: () => settle(),
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function givenUp(): Error {
  return new Error('the snapshot transfer was given up');
}
