import { create, createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { reflectionV1, reflectionV1alpha } from '@raftway/contracts';
import { Code, ServiceError } from '@raftway/errors';
import { createClient } from '@raftway/service-kit';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';

/** Files of one schema at most: a server must not be able to fill the memory of this process. */
const FILES_MAX = 5000;

type Request = NonNullable<reflectionV1.ServerReflectionRequest['messageRequest']>;
type Response = reflectionV1.ServerReflectionResponse;

/** A server's schema, asked for over gRPC reflection: `v1`, or where that is unknown `v1alpha`, which has the same messages. */
export class Reflection {
  private version: 'v1' | 'v1alpha' = 'v1';

  /**
   * @param address of the server.
   * @param timeoutMs of each question.
   */
  constructor(
    private readonly address: string,
    private readonly timeoutMs: number,
  ) {}

  /** Full names of the services that the server has. @throws ServiceError @throws CommandError for a server without reflection. */
  async services(): Promise<string[]> {
    const { messageResponse } = await this.ask({ $case: 'listServices', value: '*' });
    if (messageResponse?.$case !== 'listServicesResponse') throw unexpected(messageResponse);
    return messageResponse.value.service.map(({ name }) => name).toSorted();
  }

  /** Everything that is needed to know a service's methods and messages. @throws ServiceError NOT_FOUND when the server has no such service. */
  async schemaOf(service: string): Promise<FileRegistry> {
    const files = new Map<string, FileDescriptorProto>();
    const question = { $case: 'fileContainingSymbol', value: service } as const;
    keep(await this.files(question), files);
    for (let missing = missingFrom(files); missing.length > 0; missing = missingFrom(files)) {
      for (const name of missing) {
        keep(await this.files({ $case: 'fileByFilename', value: name }), files);
        if (!files.has(name)) throw tooStrange(`it has no file ${name}, which another one imports`);
      }
    }
    return createFileRegistry(
      create(FileDescriptorSetSchema, { file: importsFirst([...files.values()]) }),
    );
  }

  private async files(question: Request): Promise<FileDescriptorProto[]> {
    const { messageResponse } = await this.ask(question);
    if (messageResponse?.$case === 'errorResponse') {
      const { errorCode, errorMessage } = messageResponse.value;
      throw new ServiceError({
        code: errorCode === Code.notFound ? Code.notFound : Code.unknown,
        reason: errorCode === Code.notFound ? 'NOT_FOUND' : 'UNKNOWN',
        message: errorMessage,
      });
    }
    if (messageResponse?.$case !== 'fileDescriptorResponse') throw unexpected(messageResponse);
    return messageResponse.value.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
  }

  private async ask(messageRequest: Request): Promise<Response> {
    try {
      return await this.askOnce(messageRequest);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== Code.unimplemented) throw error;
      if (this.version === 'v1alpha') {
        const message = `${this.address} has no gRPC reflection, so its methods are not known`;
        throw new CommandError(ExitCode.failed, message, { cause: error });
      }
      this.version = 'v1alpha';
      return await this.ask(messageRequest);
    }
  }

  private async askOnce(messageRequest: Request): Promise<Response> {
    const client =
      this.version === 'v1'
        ? createClient(reflectionV1.ServerReflectionService, this.address)
        : createClient(reflectionV1alpha.ServerReflectionService, this.address);
    try {
      const requests = [{ host: '', messageRequest }];
      const answers = client.serverReflectionInfo(requests, { timeoutMs: this.timeoutMs });
      for await (const answer of answers) return answer;
      throw tooStrange('it ended the stream without an answer');
    } finally {
      client.close();
    }
  }
}

function keep(
  found: readonly FileDescriptorProto[],
  files: Map<string, FileDescriptorProto>,
): void {
  for (const file of found) files.set(file.name, file);
  if (files.size > FILES_MAX) throw tooStrange(`its schema has more than ${FILES_MAX} files`);
}

function missingFrom(files: ReadonlyMap<string, FileDescriptorProto>): string[] {
  const imported = [...files.values()].flatMap(({ dependency }) => dependency);
  return [...new Set(imported)].filter((name) => !files.has(name));
}

/** The order that a descriptor set has: a file after everything that it imports. */
function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const ordered = new Map<string, FileDescriptorProto>();
  const visit = (file: FileDescriptorProto, importing: ReadonlySet<string>): void => {
    if (ordered.has(file.name)) return;
    if (importing.has(file.name)) throw tooStrange(`its file ${file.name} imports itself`);
    for (const name of file.dependency) {
      const imported = byName.get(name);
      if (imported !== undefined) visit(imported, new Set([...importing, file.name]));
    }
    ordered.set(file.name, file);
  };
  for (const file of files) visit(file, new Set());
  return [...ordered.values()];
}

function unexpected(response: Response['messageResponse']): Error {
  return tooStrange(`it answered a question with ${response?.$case ?? 'nothing'}`);
}

function tooStrange(what: string): CommandError {
  return new CommandError(ExitCode.failed, `the server's reflection cannot be used: ${what}`);
}
