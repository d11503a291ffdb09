import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import {
  FileDescriptorProtoSchema,
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';

/** One file of a descriptor set: its parsed form and its bytes as they were. */
interface DescriptorFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly imports: readonly string[];
}

/**
 * What reflection asks of a set of .proto files: which file declares a symbol or an extension, and what that file imports. The bytes of a
 * file are handed out as they came, so that options that this code does not know survive.
 */
export class DescriptorIndex {
  private readonly files = new Map<string, DescriptorFile>();
  private readonly symbols = new Map<string, DescriptorFile>();
  /** Files by extended type and extension number. */
  private readonly extensions = new Map<string, Map<number, DescriptorFile>>();

  /** @param descriptorSet bytes of a google.protobuf.FileDescriptorSet that includes its imports. */
  constructor(descriptorSet: Uint8Array) {
    for (const bytes of splitDescriptorSet(descriptorSet)) {
      const proto = fromBinary(FileDescriptorProtoSchema, bytes);
      const file = { name: proto.name, bytes, imports: proto.dependency };
      this.files.set(file.name, file);
      this.indexFile(proto, file);
    }
  }

  /** The file of this name and all that it imports, itself first; undefined when there is none. */
  byFilename(name: string): Uint8Array[] | undefined {
    const file = this.files.get(name);
    return file === undefined ? undefined : this.withImports(file);
  }

  /** The file that declares a service, method, message, field, enum, enum value or extension of this full name, with its imports. */
  bySymbol(symbol: string): Uint8Array[] | undefined {
    const file = this.symbols.get(symbol.replace(/^\./, ''));
    return file === undefined ? undefined : this.withImports(file);
  }

  /** The file that declares this extension, with its imports. */
  byExtension(containingType: string, number: number): Uint8Array[] | undefined {
    const file = this.extensions.get(containingType)?.get(number);
    return file === undefined ? undefined : this.withImports(file);
  }

  /** The numbers of a message type's extensions, ascending; undefined when there is no such message. */
  extensionNumbers(type: string): number[] | undefined {
    if (!this.symbols.has(type)) return undefined;
    return [...(this.extensions.get(type)?.keys() ?? [])].sort((a, b) => a - b);
  }

  private withImports(file: DescriptorFile): Uint8Array[] {
    const found = new Map([[file.name, file]]);
    // A Map is iterated in insertion order, also over what is added meanwhile: a breadth-first walk.
    for (const { imports } of found.values()) {
      for (const name of imports) {
        const imported = this.files.get(name);
        if (imported !== undefined) found.set(name, imported);
      }
    }
    return [...found.values()].map(({ bytes }) => bytes);
  }

  private indexFile(proto: FileDescriptorProto, file: DescriptorFile): void {
    const scope = proto.package === '' ? '' : `${proto.package}.`;
    for (const message of proto.messageType) this.indexMessage(message, scope, file);
    for (const enumeration of proto.enumType) this.indexEnum(enumeration, scope, file);
    for (const extension of proto.extension) this.indexExtension(extension, scope, file);
    for (const service of proto.service) {
      this.symbols.set(scope + service.name, file);
      for (const { name } of service.method) {
        this.symbols.set(`${scope}${service.name}.${name}`, file);
      }
    }
  }

  private indexMessage(message: DescriptorProto, scope: string, file: DescriptorFile): void {
    const name = scope + message.name;
    this.symbols.set(name, file);
    for (const field of [...message.field, ...message.oneofDecl]) {
      this.symbols.set(`${name}.${field.name}`, file);
    }
    for (const nested of message.nestedType) this.indexMessage(nested, `${name}.`, file);
    for (const enumeration of message.enumType) this.indexEnum(enumeration, `${name}.`, file);
    for (const extension of message.extension) this.indexExtension(extension, `${name}.`, file);
  }

  /** An enum's values are siblings of the enum, as in C++. */
  private indexEnum(enumeration: EnumDescriptorProto, scope: string, file: DescriptorFile): void {
    this.symbols.set(scope + enumeration.name, file);
    for (const { name } of enumeration.value) this.symbols.set(scope + name, file);
  }

  private indexExtension(field: FieldDescriptorProto, scope: string, file: DescriptorFile): void {
    this.symbols.set(scope + field.name, file);
    const extended = field.extendee.replace(/^\./, '');
    const numbers = this.extensions.get(extended) ?? new Map<number, DescriptorFile>();
    this.extensions.set(extended, numbers.set(field.number, file));
  }
}

/** The bytes of each file: a FileDescriptorSet is field 1, repeated. */
function splitDescriptorSet(descriptorSet: Uint8Array): Uint8Array[] {
  const reader = new BinaryReader(descriptorSet);
  const files: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [fieldNumber, wireType] = reader.tag();
    if (fieldNumber === 1) files.push(reader.bytes());
    else reader.skip(wireType, fieldNumber);
  }
  return files;
}
