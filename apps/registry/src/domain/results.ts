import { BinaryReader, BinaryWriter, DecodeError } from '@raftway/raft/state-machine';

/**
 * What a command did. Everything that a caller did wrong in view of the state is a kind of result, never an exception.
 *
 * With a request id a caller may get the result of an earlier request: the `fingerprint` is that of the command which the result belongs to
 * ({@link fingerprintOf}). That of a registration shows in its lease id.
 */
export type RegistryResult =
  | {
      readonly kind: 'registered';
      readonly leaseId: string;
      readonly revision: number;
      readonly ttlMs: number;
    }
  /** One time to live for each lease of the command, in its order; 0 = the lease is gone. */
  | { readonly kind: 'renewed'; readonly ttlsMs: readonly number[] }
  | { readonly kind: 'deregistered'; readonly revision: number; readonly fingerprint: number }
  | { readonly kind: 'statusSet'; readonly revision: number; readonly fingerprint: number }
  | { readonly kind: 'leaseNotFound'; readonly fingerprint: number }
  /** The registry is full; see domain/limits.ts and domain/config-limits.ts. */
  | { readonly kind: 'limitReached'; readonly limit: ReachedLimit }
  /** All changes of a transaction are made. */
  | { readonly kind: 'configured'; readonly revision: number; readonly fingerprint: number }
  /** A condition of a transaction did not hold, by its place. */
  | {
      readonly kind: 'configRefused';
      readonly revision: number;
      readonly condition: number;
      readonly fingerprint: number;
    }
  /** The command's bytes make no sense. */
  | { readonly kind: 'malformed' };

/** A limit of what the registry holds. */
export type ReachedLimit = (typeof LIMITS)[number];

/** Raised whenever a result's bytes change. */
const RESULT_VERSION = 2;

/** Had no fingerprints. */
const RESULT_VERSION_OLDEST = 1;

/** Equals no command's, but for one in 2^32. */
const FINGERPRINT_UNKNOWN = 0;

/** The numbers are in snapshots and never change. */
const KIND = {
  registered: 1,
  renewed: 2,
  deregistered: 3,
  statusSet: 4,
  leaseNotFound: 5,
  limitReached: 6,
  malformed: 7,
  configured: 8,
  configRefused: 9,
} as const;

/** Their places are in snapshots and never change. */
const LIMITS = ['instancesMax', 'instanceBytesMax', 'configEntriesMax', 'configBytesMax'] as const;

export function encodeResult(result: RegistryResult): Uint8Array {
  const writer = new BinaryWriter().u8(RESULT_VERSION).u8(KIND[result.kind]);
  switch (result.kind) {
    case 'registered':
      writer.text(result.leaseId).uint53(result.revision).u32(result.ttlMs);
      break;
    case 'renewed':
      writer.list(result.ttlsMs, (ttlMs) => writer.u32(ttlMs));
      break;
    case 'configRefused':
      writer.u32(result.condition).uint53(result.revision).u32(result.fingerprint);
      break;
    case 'configured':
    case 'deregistered':
    case 'statusSet':
      writer.uint53(result.revision).u32(result.fingerprint);
      break;
    case 'leaseNotFound':
      writer.u32(result.fingerprint);
      break;
    case 'limitReached':
      writer.u8(LIMITS.indexOf(result.limit));
      break;
    case 'malformed':
      break;
  }
  return writer.finish();
}

/** @throws DecodeError on bytes that {@link encodeResult} did not write. */
export function decodeResult(bytes: Uint8Array): RegistryResult {
  const reader = new BinaryReader(bytes);
  const version = reader.u8();
  if (version < RESULT_VERSION_OLDEST || version > RESULT_VERSION)
    throw new DecodeError(`registry result has unknown version ${version}`);
  const fingerprint = (): number =>
    version === RESULT_VERSION_OLDEST ? FINGERPRINT_UNKNOWN : reader.u32();
  const kind = reader.u8();
  switch (kind) {
    case KIND.registered:
      return {
        kind: 'registered',
        leaseId: reader.text(),
        revision: reader.uint53(),
        ttlMs: reader.u32(),
      };
    case KIND.renewed:
      return {
        kind: 'renewed',
        ttlsMs: reader.list(4, () => reader.u32()),
      };
    case KIND.deregistered:
      return { kind: 'deregistered', revision: reader.uint53(), fingerprint: fingerprint() };
    case KIND.statusSet:
      return { kind: 'statusSet', revision: reader.uint53(), fingerprint: fingerprint() };
    case KIND.leaseNotFound:
      return { kind: 'leaseNotFound', fingerprint: fingerprint() };
    case KIND.limitReached:
      return { kind: 'limitReached', limit: LIMITS[reader.u8()] ?? 'instancesMax' };
    case KIND.malformed:
      return { kind: 'malformed' };
    case KIND.configured:
      return { kind: 'configured', revision: reader.uint53(), fingerprint: reader.u32() };
    case KIND.configRefused: {
      const condition = reader.u32();
      return {
        kind: 'configRefused',
        revision: reader.uint53(),
        condition,
        fingerprint: reader.u32(),
      };
    }
    default:
      throw new DecodeError(`registry result has unknown kind ${kind}`);
  }
}
