import type { SnapshotMetadata } from '../core';
import { Admission } from './admission';
import { resolveGrpcTransportOptions } from './grpc-transport-options';
import { memorySnapshotReader } from '../storage/memory-snapshots';
import { sendSnapshotTo } from './snapshot-sender';
import { SnapshotTransfer } from './snapshot-transfer';

describe('sending a snapshot', () => {
  it('does not begin when it has been given up already', async () => {
    const options = resolveGrpcTransportOptions({
      id: 1,
      clusterId: 'c',
      incarnationId: 'one',
      peerIncarnations: new Map(),
      rememberPeer: () => Promise.resolve(),
      members: [],
      bindAddress: '127.0.0.1:0',
      limits: { openTimeoutMs: 200, snapshotIdleTimeoutMs: 200 },
    });
    const admission = new Admission({ ...options, isMember: () => true });
    const snapshot: SnapshotMetadata = {
      lastIncludedIndex: 1,
      lastIncludedTerm: 1,
      stampMs: 0,
      configuration: { clusterId: 'c', members: [] },
    };
    const stopping = new AbortController();
    stopping.abort();

    const reader = memorySnapshotReader({ snapshot, data: Buffer.from('state') });
    const transfer = new SnapshotTransfer(1, reader);

    const sent = sendSnapshotTo(options, admission, 2, '127.0.0.1:1', transfer, stopping.signal);

    await expect(sent).rejects.toThrow('the snapshot transfer was given up');
  });
});
