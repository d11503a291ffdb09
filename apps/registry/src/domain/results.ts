import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/** What a command did. Everything that a caller did wrong in view of the state is a kind of result, never an exception. */
export type RegistryResult =
  | {
      readonly kind: 'registered';
      readonly leaseId: string;
      readonly revision: number;
      readonly ttlMs: number;
    }
  /** One time to live for each lease of the command, in its order; 0 = the lease is gone. */
  | { readonly kind: 'renewed'; readonly ttlsMs: readonly number[] }
  | { readonly kind: 'deregistered'; readonly revision: number }
  | { readonly kind: 'statusSet'; readonly revision: number }
  | { readonly kind: 'leaseNotFound' }
  /** The registry is full; see domain/limits.ts. */
  | { readonly kind: 'limitReached'; readonly limit: 'instancesMax' | 'instanceBytesMax' }
  /** The command's bytes make no sense. */
  | { readonly kind: 'malformed' };

/** Raised whenever a result's bytes change. */
const RESULT_VERSION = 1;

/** The numbers are in snapshots and never change. */
const KIND = {
  registered: 1,
  renewed: 2,
  deregistered: 3,
  statusSet: 4,
  leaseNotFound: 5,
  limitReached: 6,
  malformed: 7,
} as const;

const LIMITS = ['instancesMax', 'instanceBytesMax'] as const;

export function encodeResult(result: RegistryResult): Uint8Array {
  const writer = new BinaryWriter().uint32(RESULT_VERSION).uint32(KIND[result.kind]);
  switch (result.kind) {
    case 'registered':
      writer.string(result.leaseId).uint64(result.revision).uint32(result.ttlMs);
      break;
    case 'renewed':
      writer.uint32(result.ttlsMs.length);
      for (const ttlMs of result.ttlsMs) writer.uint32(ttlMs);
      break;
    case 'deregistered':
    case 'statusSet':
      writer.uint64(result.revision);
      break;
    case 'limitReached':
      writer.uint32(LIMITS.indexOf(result.limit));
      break;
    case 'leaseNotFound':
    case 'malformed':
      break;
  }
  return writer.finish();
}

/** @throws Error on bytes that {@link encodeResult} did not write. */
export function decodeResult(bytes: Uint8Array): RegistryResult {
  const reader = new BinaryReader(bytes);
  const version = reader.uint32();
  if (version !== RESULT_VERSION) throw new Error(`registry result has unknown version ${version}`);
  const kind = reader.uint32();
  switch (kind) {
    case KIND.registered:
      return {
        kind: 'registered',
        leaseId: reader.string(),
        revision: Number(reader.uint64()),
        ttlMs: reader.uint32(),
      };
    case KIND.renewed:
      return {
        kind: 'renewed',
        ttlsMs: Array.from({ length: reader.uint32() }, () => reader.uint32()),
      };
    case KIND.deregistered:
      return { kind: 'deregistered', revision: Number(reader.uint64()) };
    case KIND.statusSet:
      return { kind: 'statusSet', revision: Number(reader.uint64()) };
    case KIND.leaseNotFound:
      return { kind: 'leaseNotFound' };
    case KIND.limitReached:
      return { kind: 'limitReached', limit: LIMITS[reader.uint32()] ?? 'instancesMax' };
    case KIND.malformed:
      return { kind: 'malformed' };
    default:
      throw new Error(`registry result has unknown kind ${kind}`);
  }
}
