import { create, createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

/**
 * The types of a set of files.
 *
 * @param files encoded FileDescriptorProtos in any order, with all that they import
 * @throws Error when an import is missing, imports are circular, or the files are not sound
 */
export function registryOf(files: readonly Uint8Array[]): FileRegistry {
  const byName = new Map<string, FileDescriptorProto>();
  for (const bytes of files) {
    const file = fromBinary(FileDescriptorProtoSchema, bytes);
    byName.set(file.name, file);
  }
  const ordered: FileDescriptorProto[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, importer: string): void => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open')
      throw new Error(`${importer} imports ${name}, which imports it`);
    const file = byName.get(name);
    if (file === undefined) throw new Error(`${importer} imports ${name}, which is not there`);
    state.set(name, 'open');
    for (const dependency of file.dependency) visit(dependency, name);
    state.set(name, 'done');
    ordered.push(file);
  };
  for (const name of byName.keys()) visit(name, name);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: ordered }));
}
