import { type registry } from '@raftway/contracts';
import { encodedSize, type CoalescedChanges } from '../domain/registry-state';

/** Far below the 4 MiB that gRPC clients accept by default, with room for the largest instance. */
const PART_BYTES_MAX = 1024 * 1024;

/** A snapshot as one message, or as several when it is large. Never none. */
export function snapshotMessages(
  instances: readonly registry.Instance[],
  revision: number,
): readonly registry.WatchResponse[] {
  const parts = inParts(instances, encodedSize);
  return parts.map((part, position) => {
    const incomplete = position < parts.length - 1;
    const value = { instances: part, incomplete };
    return { revision: BigInt(revision), event: { $case: 'snapshot', value } };
  });
}

/**
 * Changes as one message, or as several when they are many. All but the last carry the revision from which the watcher would have to
 * resume if it heard no more; applying changes twice is harmless.
 */
export function deltaMessages(
  { upserts, removals }: CoalescedChanges,
  fromRevision: number,
  revision: number,
): readonly registry.WatchResponse[] {
  const removalParts = inParts(removals, () => 300);
  const upsertParts = inParts(upserts, encodedSize);
  const deltas: registry.WatchDelta[] = [];
  if (removals.length > 0) deltas.push(...removalParts.map((part) => delta([], part)));
  if (upserts.length > 0) deltas.push(...upsertParts.map((part) => delta(part, [])));
  // The usual change is small: both kinds in one message.
  const [only, second] = deltas;
  const fitsInOne = removalParts.length === 1 && upsertParts.length === 1;
  const parts = fitsInOne && only && second ? [delta([...upserts], [...removals])] : deltas;
  return parts.map((value, position) => ({
    revision: BigInt(position < parts.length - 1 ? fromRevision : revision),
    event: { $case: 'delta', value },
  }));
}

export function resetMessage(reason: string, revision: number): registry.WatchResponse {
  return { revision: BigInt(revision), event: { $case: 'reset', value: { reason } } };
}

export function progressMessage(revision: number): registry.WatchResponse {
  return { revision: BigInt(revision), event: { $case: 'progress', value: {} } };
}

function delta(
  upserts: registry.Instance[],
  removals: registry.RemovedInstance[],
): registry.WatchDelta {
  return { upserts, removals };
}

/** At least one part, each below the limit unless a single item is not. */
function inParts<Item>(items: readonly Item[], sizeOf: (item: Item) => number): Item[][] {
  let part: Item[] = [];
  const parts = [part];
  let bytes = 0;
  for (const item of items) {
    const sizeBytes = sizeOf(item);
    if (part.length > 0 && bytes + sizeBytes > PART_BYTES_MAX) {
      parts.push((part = []));
      bytes = 0;
    }
    part.push(item);
    bytes += sizeBytes;
  }
  return parts;
}
