import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { rpc } from '@raftway/contracts';
import { WORKSPACE } from './suite';

/** Plain JSON-like messages, as proto-loader gives them. */
export type Message = Record<string, unknown>;

const FILES = [
  'helloworld/helloworld.proto',
  'raftway/lock/v1/lock.proto',
  'raftway/id/v1/id.proto',
  'raftway/registry/v1/registry.proto',
  'raftway/registry/v1/config.proto',
  'raftway/raft/v1/raft_admin.proto',
];

const PACKAGES = grpc.loadPackageDefinition(
  loadSync(
    FILES.map((file) => join(WORKSPACE, 'protos', file)),
    {
      includeDirs: [join(WORKSPACE, 'protos')],
      longs: String,
      enums: String,
      defaults: true,
      keepCase: true,
    },
  ),
);

type Unary = (
  request: Message,
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: (error: grpc.ServiceError | null, reply?: Message) => void,
) => grpc.ClientUnaryCall;

const DEFAULT_TIMEOUT_MS = 10_000;

/** A client that knows nothing of our libraries: grpc-js and proto-loader over the protos folder as it is. */
export class ForeignClient {
  private readonly client: grpc.Client;

  /** @param credentials default plaintext */
  constructor(address: string, service: string, credentials = grpc.credentials.createInsecure()) {
    let found: unknown = PACKAGES;
    for (const part of service.split('.')) found = (found as Record<string, unknown>)[part];
    const Constructor = found as grpc.ServiceClientConstructor;
    this.client = new Constructor(address, credentials);
  }

  call(
    method: string,
    request: Message = {},
    timeoutMs = DEFAULT_TIMEOUT_MS,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<Message> {
    return this.start(method, request, timeoutMs, metadata).reply;
  }

  /** A call that can be cancelled. */
  start(
    method: string,
    request: Message,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    metadata: Readonly<Record<string, string>> = {},
  ): { readonly reply: Promise<Message>; cancel(): void } {
    let call: grpc.ClientUnaryCall | undefined;
    const reply = new Promise<Message>((resolve, reject) => {
      const deadline = Date.now() + timeoutMs;
      const unary = this.method(method) as Unary;
      call = unary.call(
        this.client,
        request,
        grpc.Metadata.fromHttp2Headers({ ...metadata }),
        { deadline },
        (error, message) => (error === null ? resolve(message ?? {}) : reject(error)),
      );
    });
    return { reply, cancel: () => call?.cancel() };
  }

  /** All replies of a server stream. */
  async receive(method: string, request: Message): Promise<Message[]> {
    type ServerStream = (request: Message) => grpc.ClientReadableStream<Message>;
    return await all((this.method(method) as ServerStream).call(this.client, request));
  }

  /** All replies of a bidirectional stream that is sent these requests. */
  async exchange(method: string, requests: readonly Message[]): Promise<Message[]> {
    type BidiStream = () => grpc.ClientDuplexStream<Message, Message>;
    const call = (this.method(method) as BidiStream).call(this.client);
    for (const request of requests) call.write(request);
    call.end();
    return await all(call);
  }

  /** The one reply to a stream of requests. */
  collect(method: string, requests: readonly Message[]): Promise<Message> {
    return new Promise((resolve, reject) => {
      type ClientStream = (
        callback: (error: grpc.ServiceError | null, reply?: Message) => void,
      ) => grpc.ClientWritableStream<Message>;
      const call = (this.method(method) as ClientStream).call(this.client, (error, reply) =>
        error === null ? resolve(reply ?? {}) : reject(error),
      );
      for (const request of requests) call.write(request);
      call.end();
    });
  }

  close(): void {
    this.client.close();
  }

  private method(name: string): unknown {
    return (this.client as unknown as Record<string, unknown>)[name];
  }
}

async function all(replies: AsyncIterable<unknown>): Promise<Message[]> {
  const collected: Message[] = [];
  for await (const reply of replies) collected.push(reply as Message);
  return collected;
}

/** A gRPC failure, with its details decoded. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
}

/** The failure that a call is expected to end with. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  let error: unknown;
  try {
    await call;
  } catch (caught) {
    error = caught;
  }
  if (error === undefined) throw new Error('the call succeeded');
  return decodeFailure(error as grpc.ServiceError);
}

function decodeFailure(error: grpc.ServiceError): Failure {
  let reason = '';
  let metadata: Record<string, string> = {};
  const violations: Failure['violations'][number][] = [];
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  if (Buffer.isBuffer(bytes)) {
    for (const detail of rpc.Status.decode(bytes).details) {
      if (detail.typeUrl.endsWith('google.rpc.ErrorInfo')) {
        const info = rpc.ErrorInfo.decode(detail.value);
        reason = info.reason;
        metadata = info.metadata;
      } else if (detail.typeUrl.endsWith('google.rpc.BadRequest')) {
        violations.push(...rpc.BadRequest.decode(detail.value).fieldViolations);
      }
    }
  }
  return { code: grpc.status[error.code], message: error.details, reason, metadata, violations };
}
