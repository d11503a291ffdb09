import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code } from '@raftway/errors';
import { type ClientConnection, type ClientEngine } from '@raftway/http2';
import { wellKnownFiles } from '@raftway/transcoding';
import { type OwnCallTarget, ownCallHeaders } from './own-call';
import { ReflectionConversation, ReflectionError } from './reflection-conversation';
import { type FileLearner } from './schema-catalog';

/** How long learning one instance's files may take, in milliseconds. */
const timeoutMs = 10_000;
/** Files of one instance, and their bytes together. */
const filesMax = 2000;
const bytesMax = 8 * 1024 * 1024;

const paths = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
] as const;

const nothing = (): void => undefined;

/**
 * Learns the proto files of an instance's gRPC services by server reflection: v1, or v1alpha where the instance has only
 * that. On a connection of its own, with the limits of those that calls take: an instance is not trusted here either.
 *
 * The learner yields encoded FileDescriptorProtos, well-known ones only when the instance sends them. Services that the instance's reflection does not know are left out.
 * It rejects with ReflectionError or another error when the instance cannot be reached or has no reflection.
 *
 * @param engine makes the connections; names the registered service to those that are secured
 */
export function fileLearner(engine: ClientEngine, scheme: 'http' | 'https'): FileLearner {
  return async ({ service, address }, grpcServices, signal) => {
    signal.throwIfAborted();
    const target = { scheme, authority: address };
    const connection = await connect(engine, address, service, signal);
    try {
      return await learnOver(connection, target, paths[0], grpcServices);
    } catch (error) {
      if (!(error instanceof ReflectionError) || error.code !== Code.unimplemented) throw error;
      return await learnOver(connection, target, paths[1], grpcServices);
    } finally {
      connection.drain();
    }
  };
}

/** @param signal ends the connection, and with it what goes on on it. */
function connect(
  engine: ClientEngine,
  address: string,
  service: string,
  signal: AbortSignal,
): Promise<ClientConnection> {
  return new Promise((resolve, reject) => {
    const abort = (): void => connection.destroy();
    const connection = engine.connect(
      address,
      {
        onReady: () => resolve(connection),
        onCapacity: nothing,
        onDraining: nothing,
        onClosed: (detail) => {
          signal.removeEventListener('abort', abort);
          reject(new ReflectionError(Code.unavailable, detail));
        },
      },
      service,
    );
    signal.addEventListener('abort', abort);
  });
}

async function learnOver(
  connection: ClientConnection,
  target: OwnCallTarget,
  path: string,
  grpcServices: readonly string[],
): Promise<Uint8Array[]> {
  if (!connection.hasCapacity)
    throw new ReflectionError(Code.unavailable, 'the instance takes no stream');
  const conversation = new ReflectionConversation(
    connection,
    ownCallHeaders(target, path, timeoutMs),
  );
  const late = new ReflectionError(Code.deadlineExceeded, `not learnt within ${timeoutMs} ms`);
  const timer = setTimeout(() => conversation.end(late), timeoutMs);
  try {
    return await new Learning(conversation).run(grpcServices);
  } finally {
    clearTimeout(timer);
    conversation.end(late);
  }
}

class Learning {
  private readonly files = new Map<string, Uint8Array>();
  private readonly wanted: string[] = [];
  private readonly asked = new Set<string>();
  private bytes = 0;

  constructor(private readonly conversation: ReflectionConversation) {}

  async run(grpcServices: readonly string[]): Promise<Uint8Array[]> {
    for (const value of grpcServices)
      this.keep(await this.conversation.ask({ $case: 'fileContainingSymbol', value }));
    for (let name = this.wanted.pop(); name !== undefined; name = this.wanted.pop()) {
      if (this.files.has(name) || this.asked.has(name)) continue;
      this.asked.add(name);
      if (wellKnownFiles.has(name)) continue;
      this.keep(await this.conversation.ask({ $case: 'fileByFilename', value: name }));
    }
    return [...this.files.values()];
  }

  private keep(files: readonly Uint8Array[]): void {
    for (const bytes of files) {
      const { name, dependency } = fromBinary(FileDescriptorProtoSchema, bytes);
      if (this.files.has(name)) continue;
      this.bytes += bytes.length;
      if (this.files.size >= filesMax || this.bytes > bytesMax)
        throw new Error(
          `reflection answered with more than ${filesMax} files or ${bytesMax} bytes`,
        );
      this.files.set(name, Uint8Array.from(bytes));
      this.wanted.push(...dependency);
    }
  }
}
