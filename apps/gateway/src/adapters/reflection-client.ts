import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { reflectionV1 } from '@raftway/contracts';
import { channelCredentials } from '@raftway/service-kit';
import { type TlsSource } from '@raftway/tls';
import { wellKnownFiles } from '@raftway/transcoding';
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

type Request = NonNullable<reflectionV1.ServerReflectionRequest['messageRequest']>;
type Stream = ClientDuplexStream<
  reflectionV1.ServerReflectionRequest,
  reflectionV1.ServerReflectionResponse
>;

/** Learns files over connections that are secured with these certificates. @param tls default plaintext */
export function fileLearner(tls: TlsSource | undefined): FileLearner {
  return (instance, grpcServices, signal) =>
    learnFiles(instance.address, channelCredentials(tls, [instance.service]), grpcServices, signal);
}

/**
 * Learns the proto files of an instance's gRPC services by server reflection: v1, or v1alpha where the instance has only
 * that.
 * @returns encoded FileDescriptorProtos, well-known ones only when the instance sends them. Services that the instance's reflection does not know are left out.
 * @param signal ends it early.
 * @throws the gRPC error, when the instance cannot be reached or has no reflection
 */
async function learnFiles(
  address: string,
  credentials: ChannelCredentials,
  grpcServices: readonly string[],
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  signal.throwIfAborted();
  const client = new Client(address, credentials, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
  });
  try {
    return await learnOver(client, paths[0], grpcServices, signal);
  } catch (error) {
    if ((error as ServiceError).code !== status.UNIMPLEMENTED) throw error;
    return await learnOver(client, paths[1], grpcServices, signal);
  } finally {
    client.close();
  }
}

async function learnOver(
  client: Client,
  path: string,
  grpcServices: readonly string[],
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const stream: Stream = client.makeBidiStreamRequest(
    path,
    (request: reflectionV1.ServerReflectionRequest) =>
      Buffer.from(reflectionV1.ServerReflectionRequest.encode(request).finish()),
    (bytes: Buffer) => reflectionV1.ServerReflectionResponse.decode(bytes),
    new Metadata(),
    { deadline: Date.now() + timeoutMs },
  );
  const conversation = new Conversation(stream);
  const abort = (): void => stream.cancel();
  signal.addEventListener('abort', abort);
  try {
    return await new Learning(conversation).run(grpcServices);
  } finally {
    signal.removeEventListener('abort', abort);
    stream.cancel();
  }
}

/** Questions and answers in turn. */
class Conversation {
  private waiting:
    { resolve: (files: Uint8Array[]) => void; reject: (error: Error) => void } | undefined;
  private failure: Error | undefined;

  constructor(private readonly stream: Stream) {
    stream.on('data', (response: reflectionV1.ServerReflectionResponse) => {
      const { messageResponse } = response;
      const found = messageResponse?.$case === 'fileDescriptorResponse';
      this.waiting?.resolve(found ? messageResponse.value.fileDescriptorProto : []);
      this.waiting = undefined;
    });
    stream.on('error', (error: Error) => this.fail(error));
    stream.on('end', () => this.fail(new Error('the stream has ended')));
  }

  ask(messageRequest: Request): Promise<Uint8Array[]> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.waiting = { resolve, reject };
      this.stream.write({ host: '', messageRequest });
    });
  }

  private fail(error: Error): void {
    // 'end' comes in front of the error that says why: it waits one turn.
    setImmediate(() => {
      this.failure ??= error;
      this.waiting?.reject(this.failure);
      this.waiting = undefined;
    });
  }
}

class Learning {
  private readonly files = new Map<string, Uint8Array>();
  private readonly wanted: string[] = [];
  private readonly asked = new Set<string>();
  private bytes = 0;

  constructor(private readonly conversation: Conversation) {}

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
