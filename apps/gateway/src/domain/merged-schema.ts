/*
 * One set of proto files out of those of many backends, for server reflection.
 *
 * Backends are built apart from each other: two of them have a file of the same name with different contents, or
 * different versions of one message. A client of reflection sees one server, so the names must be made unique:
 * - Sources are taken newest first. The first file of a name keeps the name.
 * - A file of the same name and contents (comments and spelled-out defaults aside) is shared.
 * - A file of the same name and other contents is renamed (`a/b.proto` → `a/b.2.proto`), and the imports of the files
 *   of its source are rewritten to the new name; they count as changed and may be renamed in turn. So what one service
 *   needs always fits together.
 * - A symbol that occurs twice is found in the newest source's file.
 * - `google/protobuf/*.proto` are the same everywhere in substance: the first one serves all, and those that no backend
 *   sends come from the library.
 */
import { clone, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type MethodDescriptorProto,
  MethodOptions_IdempotencyLevel,
} from '@bufbuild/protobuf/wkt';
import { wellKnownFiles } from '@raftway/transcoding';

/** What one version of a backend serves. */
export interface SchemaSource {
  /** Full names of its gRPC services. */
  readonly grpcServices: readonly string[];
  /** Encoded FileDescriptorProtos, in any order. */
  readonly files: readonly Uint8Array[];
}

/** Files kept at most, over all sources. */
const filesMax = 20_000;

interface MergedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly dependencies: readonly string[];
  readonly fingerprint: string;
}

/** The merged files and where each symbol is. */
export class MergedSchema {
  private readonly files = new Map<string, MergedFile>();
  private readonly symbols = new Map<string, string>();
  private readonly extensions = new Map<string, Map<number, string>>();
  private readonly safeMethods = new Set<string>();

  /** @param sources newest first */
  constructor(sources: readonly SchemaSource[]) {
    for (const source of sources) new SourceMerge(this, source).run();
  }

  /** Names of all files. */
  fileNames(): readonly string[] {
    return [...this.files.keys()];
  }

  /** Name of the file that defines a symbol (service, method, message, enum, extension). */
  fileOfSymbol(symbol: string): string | undefined {
    return this.symbols.get(symbol);
  }

  /** Whether a method is said to have no side effects (`idempotency_level = NO_SIDE_EFFECTS`). */
  isSafe(grpcService: string, method: string): boolean {
    return this.safeMethods.has(join(grpcService, method));
  }

  /** Name of the file that defines the extension of a message with that number. */
  fileOfExtension(extendee: string, extensionNumber: number): string | undefined {
    return this.extensions.get(extendee)?.get(extensionNumber);
  }

  /** The numbers of all known extensions of a message. */
  extensionNumbers(extendee: string): readonly number[] {
    return [...(this.extensions.get(extendee)?.keys() ?? [])].sort((a, b) => a - b);
  }

  hasFile(name: string): boolean {
    return this.files.has(name);
  }

  /** A file and all that it imports, directly or not, the file first; without those in `sent`, which is added to. */
  closure(name: string, sent: Set<string>): Uint8Array[] {
    const result: Uint8Array[] = [];
    const first = this.files.get(name);
    if (first === undefined) return result;
    // The file that was asked for is always in the answer.
    sent.delete(name);
    const waiting = [first];
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      if (sent.has(file.name)) continue;
      sent.add(file.name);
      result.push(file.bytes);
      for (const dependency of file.dependencies) {
        const imported = this.files.get(dependency);
        if (imported !== undefined) waiting.push(imported);
      }
    }
    return result;
  }

  /** The file of that name; for merging. */
  get(name: string): MergedFile | undefined {
    return this.files.get(name);
  }

  /** Adds a file under a free name; for merging. */
  add(file: MergedFile): void {
    if (this.files.size < filesMax) this.files.set(file.name, file);
  }

  /** Notes where the symbols of a file are, unless a newer source has them; for merging. */
  index(file: FileDescriptorProto, finalName: string): void {
    const scope = file.package;
    const define = (symbol: string): void => {
      if (!this.symbols.has(symbol)) this.symbols.set(symbol, finalName);
    };
    for (const service of file.service) {
      const name = join(scope, service.name);
      define(name);
      for (const method of service.method) {
        const symbol = join(name, method.name);
        if (!this.symbols.has(symbol) && isSafeMethod(method)) this.safeMethods.add(symbol);
        define(symbol);
      }
    }
    for (const message of file.messageType) this.indexMessage(message, scope, finalName, define);
    for (const one of file.enumType) define(join(scope, one.name));
    for (const one of file.extension) this.indexExtension(one, scope, finalName, define);
  }

  private indexMessage(
    message: DescriptorProto,
    scope: string,
    finalName: string,
    define: (symbol: string) => void,
  ): void {
    const name = join(scope, message.name);
    define(name);
    for (const one of message.enumType) define(join(name, one.name));
    for (const one of message.extension) this.indexExtension(one, name, finalName, define);
    for (const nested of message.nestedType) this.indexMessage(nested, name, finalName, define);
  }

  private indexExtension(
    extension: FieldDescriptorProto,
    scope: string,
    finalName: string,
    define: (symbol: string) => void,
  ): void {
    define(join(scope, extension.name));
    const extendee = extension.extendee.replace(/^\./, '');
    let numbers = this.extensions.get(extendee);
    if (numbers === undefined) this.extensions.set(extendee, (numbers = new Map<number, string>()));
    if (!numbers.has(extension.number)) numbers.set(extension.number, finalName);
  }
}

/** Takes one source into the merged schema. */
class SourceMerge {
  private readonly own = new Map<string, { file: FileDescriptorProto; bytes: Uint8Array }>();
  private readonly finalNames = new Map<string, string>();

  constructor(
    private readonly merged: MergedSchema,
    source: SchemaSource,
  ) {
    for (const bytes of source.files) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      this.own.set(file.name, { file, bytes });
    }
  }

  run(): void {
    for (const name of this.own.keys()) this.take(name, new Set());
  }

  /** Adds a file after its imports, and yields the name that it has in the end. */
  private take(name: string, importing: Set<string>): string {
    const known = this.finalNames.get(name);
    if (known !== undefined) return known;
    // Imports cannot be circular; a backend that says so gets the name back unchanged.
    if (importing.has(name)) return name;
    const own = this.own.get(name) ?? wellKnown(name);
    if (own === undefined) return name;
    importing.add(name);
    const dependencies = own.file.dependency.map((one) => this.take(one, importing));
    importing.delete(name);
    const finalName = this.place(own, dependencies);
    this.finalNames.set(name, finalName);
    this.merged.index(own.file, finalName);
    return finalName;
  }

  private place(
    own: { file: FileDescriptorProto; bytes: Uint8Array },
    dependencies: readonly string[],
  ): string {
    const { name } = own.file;
    const isWellKnown = name.startsWith('google/protobuf/');
    if (isWellKnown && this.merged.hasFile(name)) return name;
    const fingerprint = fingerprintOf(own.file, dependencies);
    for (let version = 1; ; version += 1) {
      const candidate = version === 1 ? name : name.replace(/(\.proto)?$/, `.${version}$1`);
      const existing = this.merged.get(candidate);
      if (existing?.fingerprint === fingerprint) return candidate;
      if (existing !== undefined) continue;
      const unchanged =
        candidate === name && dependencies.every((one, i) => one === own.file.dependency[i]);
      const bytes = unchanged ? own.bytes : rewritten(own.file, candidate, dependencies);
      this.merged.add({ name: candidate, bytes, dependencies, fingerprint });
      return candidate;
    }
  }
}

function wellKnown(name: string): { file: FileDescriptorProto; bytes: Uint8Array } | undefined {
  const file = wellKnownFiles.get(name)?.proto;
  return file === undefined
    ? undefined
    : { file, bytes: toBinary(FileDescriptorProtoSchema, file) };
}

function rewritten(
  file: FileDescriptorProto,
  name: string,
  dependencies: readonly string[],
): Uint8Array {
  const copy = clone(FileDescriptorProtoSchema, file);
  copy.name = name;
  copy.dependency = [...dependencies];
  return toBinary(FileDescriptorProtoSchema, copy);
}

/** What two files must have in common to be one: everything but name, comments, and JSON names that follow the rule. */
function fingerprintOf(file: FileDescriptorProto, dependencies: readonly string[]): string {
  const copy = clone(FileDescriptorProtoSchema, file);
  copy.name = '';
  copy.dependency = [...dependencies];
  delete copy.sourceCodeInfo;
  const dropJsonNames = (fields: FieldDescriptorProto[]): void => {
    for (const field of fields)
      if (field.jsonName === defaultJsonName(field.name)) field.jsonName = '';
  };
  const visit = (message: DescriptorProto): void => {
    dropJsonNames(message.field);
    dropJsonNames(message.extension);
    message.nestedType.forEach(visit);
  };
  copy.messageType.forEach(visit);
  dropJsonNames(copy.extension);
  let text = '';
  for (const byte of toBinary(FileDescriptorProtoSchema, copy)) text += String.fromCharCode(byte);
  return text;
}

function isSafeMethod({ options }: MethodDescriptorProto): boolean {
  return options?.idempotencyLevel === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

function defaultJsonName(name: string): string {
  return name.replace(/_+([a-zA-Z0-9]?)/g, (_all, next: string) => next.toUpperCase());
}

function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}
