import { type config } from '@raftway/contracts';
import { type ConfigChanges, type ConfigEntry } from '../domain/config-state';

type Response = config.ConfigServiceWatchResponse;

/** Far below the 4 MiB that gRPC clients accept by default, with room for the largest entry. */
export const PART_BYTES_MAX = 1024 * 1024;

export function entryMessage(entry: ConfigEntry): config.ConfigEntry {
  const { key, value, createdRevision, modifiedRevision } = entry;
  return {
    key,
    value,
    createdRevision: BigInt(createdRevision),
    modifiedRevision: BigInt(modifiedRevision),
  };
}

/** A snapshot as one message, or as several when it is large. Never none. */
export function configSnapshotMessages(
  entries: readonly ConfigEntry[],
  revision: number,
): Response[] {
  const parts = inParts(entries);
  return parts.map((part, position) => ({
    revision: BigInt(revision),
    event: {
      $case: 'snapshot',
      value: { entries: part.map(entryMessage), incomplete: position < parts.length - 1 },
    },
  }));
}

/** Changes as one message, or as several, which are one change all the same: only the last has the revision, and says that it is complete. */
export function configDeltaMessages(
  { upserts, removedKeys }: ConfigChanges,
  fromRevision: number,
  revision: number,
): Response[] {
  const parts = inParts(upserts);
  return parts.map((part, position) => {
    const incomplete = position < parts.length - 1;
    return {
      revision: BigInt(incomplete ? fromRevision : revision),
      event: {
        $case: 'delta',
        value: {
          upserts: part.map(entryMessage),
          removedKeys: position === 0 ? [...removedKeys] : [],
          incomplete,
        },
      },
    };
  });
}

export function configResetMessage(reason: string, revision: number): Response {
  return { revision: BigInt(revision), event: { $case: 'reset', value: { reason } } };
}

export function configProgressMessage(revision: number): Response {
  return { revision: BigInt(revision), event: { $case: 'progress', value: {} } };
}

/** At least one part, each below the limit unless a single entry is not. */
function inParts(entries: readonly ConfigEntry[]): ConfigEntry[][] {
  let part: ConfigEntry[] = [];
  const parts = [part];
  let bytes = 0;
  for (const entry of entries) {
    if (part.length > 0 && bytes + entry.sizeBytes > PART_BYTES_MAX) {
      parts.push((part = []));
      bytes = 0;
    }
    part.push(entry);
    bytes += entry.sizeBytes;
  }
  return parts;
}
