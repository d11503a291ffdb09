import {
  createFileRegistry,
  type FileRegistry,
  fromBinary,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBase64 } from '@raftway/contracts';

let known: FileRegistry | undefined;

/** Every message of the suite's contracts. */
export function contractsRegistry(): FileRegistry {
  known ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64')),
  );
  return known;
}

/** One of the contracts' messages as protobuf's own JSON, where a duration is "1.5s": as `raftway call` and other gRPC tools print it. */
export function protobufJson(typeName: string, bytes: Uint8Array): JsonValue {
  const registry = contractsRegistry();
  const schema = registry.getMessage(typeName);
  if (schema === undefined) throw new Error(`the contracts lack ${typeName}`);
  return toJson(schema, fromBinary(schema, bytes), { registry, alwaysEmitImplicit: true });
}
