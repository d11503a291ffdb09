import type { SnapshotMetadata } from '../../src/core';
import type { SnapshotReader } from '../../src';
import { memorySnapshotReader } from '../../src/storage/memory-snapshots';

/** What a snapshot of a group of one stands for. */
export function snapshotOf(index: number, term = 1): SnapshotMetadata {
  return {
    lastIncludedIndex: index,
    lastIncludedTerm: term,
    stampMs: index * 10,
    configuration: { clusterId: 'c', members: [{ id: 1, address: 'a:1', voter: true }] },
  };
}

/** Bytes that are the same for the same arguments, and differ from place to place. */
export function stateOf(index: number, bytes = 95): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, at) => (at * 7 + index) % 251));
}

/** A snapshot in chunks of ten bytes. */
export function readerOf(index: number, bytes = 95, term = 1): SnapshotReader {
  const snapshot = snapshotOf(index, term);
  return memorySnapshotReader({ snapshot, data: stateOf(index, bytes) }, 10);
}
