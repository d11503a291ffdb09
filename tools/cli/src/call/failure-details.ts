import { createFileRegistry, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBase64 } from '@raftway/contracts';

/** The trailer with a google.rpc.Status, whose details are messages of any type. */
export const DETAILS_KEY = 'grpc-status-details-bin';

/** Every detail of a failed call as JSON with its `@type`; one of a type that nobody here knows keeps its bytes in base64. */
export function decodeDetails(trailer: Uint8Array): JsonValue[] {
  const registry = createFileRegistry(
    fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64')),
  );
  const status = registry.getMessage('google.rpc.Status');
  const any = registry.getMessage('google.protobuf.Any');
  if (status === undefined || any === undefined) throw new Error('the contracts lack google.rpc');
  const decoded = fromBinary(status, trailer) as unknown as {
    readonly details: readonly AnyFields[];
  };
  return decoded.details.map((detail) => {
    try {
      return toJson(any, detail as never, { registry });
    } catch {
      return { '@type': detail.typeUrl, value: Buffer.from(detail.value).toString('base64') };
    }
  });
}

interface AnyFields {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}
