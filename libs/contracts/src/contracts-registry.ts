import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBase64 } from './gen/descriptor-set';

let known: FileRegistry | undefined;

/** Every message and service of the suite's contracts; built when first asked for. */
export function contractsRegistry(): FileRegistry {
  known ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64')),
  );
  return known;
}
