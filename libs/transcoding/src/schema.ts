import {
  createFileRegistry,
  createRegistry,
  type DescFile,
  fromBinary,
  type Registry,
} from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { wellKnownFiles } from './well-known-files';

interface BuiltFile {
  readonly file: DescFile;
  readonly imports: readonly DescFile[];
}

/**
 * Builds types from files. A file that several sets have in common, with its imports, is built once, as long as it is the same array of bytes.
 */
export class SchemaFiles {
  private readonly built = new WeakMap<Uint8Array, BuiltFile>();

  /**
   * The types of a set of files.
   *
   * @param files encoded FileDescriptorProtos in any order, with all that they import; well-known ones may be left out
   * @throws Error when an import is missing, imports are circular, or the files are not sound
   */
  registryOf(files: readonly Uint8Array[]): Registry {
    const given = new Map<string, { proto: FileDescriptorProto; bytes: Uint8Array }>();
    for (const bytes of files) {
      const proto =
        this.built.get(bytes)?.file.proto ?? fromBinary(FileDescriptorProtoSchema, bytes);
      given.set(proto.name, { proto, bytes });
    }
    const done = new Map<string, DescFile>();
    const open = new Set<string>();
    const take = (name: string, importer: string): DescFile => {
      const known = done.get(name) ?? wellKnownFiles.get(name);
      if (known !== undefined) return known;
      if (open.has(name)) throw new Error(`${importer} imports ${name}, which imports it`);
      const own = given.get(name);
      if (own === undefined) throw new Error(`${importer} imports ${name}, which is not there`);
      open.add(name);
      const imports = own.proto.dependency.map((one) => take(one, name));
      open.delete(name);
      const file = this.fileOf(own.proto, own.bytes, imports);
      done.set(name, file);
      return file;
    };
    for (const name of given.keys()) take(name, name);
    return createRegistry(...wellKnownFiles.values(), ...done.values());
  }

  private fileOf(
    proto: FileDescriptorProto,
    bytes: Uint8Array,
    imports: readonly DescFile[],
  ): DescFile {
    const known = this.built.get(bytes);
    if (known?.imports.every((one, index) => one === imports[index]) === true) return known.file;
    const byName = new Map(imports.map((one) => [one.proto.name, one]));
    const file = createFileRegistry(proto, (name) => byName.get(name)).getFile(proto.name);
    if (file === undefined) throw new Error(`${proto.name} cannot be built`);
    this.built.set(bytes, { file, imports });
    return file;
  }
}
