import { create, type FileRegistry, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { contractsRegistry } from '@raftway/contracts';

/** The trailer with a google.rpc.Status, whose details are messages of any type. */
export const DETAILS_KEY = 'grpc-status-details-bin';

/**
 * Every detail of a failed call as JSON with its `@type`; one of a type that nobody here knows keeps its bytes in base64. None when the
 * trailer is damaged: details are an addition to the status, and must not hide it.
 */
export function decodeDetails(trailer: Uint8Array): JsonValue[] {
  const registry = contractsRegistry();
  return detailsIn(trailer, registry).map((detail) => {
    try {
      return toJson(AnySchema, create(AnySchema, detail), { registry });
    } catch {
      return { '@type': detail.typeUrl, value: Buffer.from(detail.value).toString('base64') };
    }
  });
}

function detailsIn(trailer: Uint8Array, registry: FileRegistry): readonly AnyFields[] {
  const status = registry.getMessage('google.rpc.Status');
  if (status === undefined) throw new Error('the contracts lack google.rpc.Status');
  try {
    return (fromBinary(status, trailer) as unknown as { details: readonly AnyFields[] }).details;
  } catch {
    return [];
  }
}

interface AnyFields {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}
