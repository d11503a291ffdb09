import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const loaded = grpc.loadPackageDefinition(
  loadSync(join(__dirname, 'interop.proto'), { keepCase: true, longs: Number, defaults: true }),
) as unknown as {
  grpc: {
    testing: Record<'TestService' | 'UnimplementedService', grpc.ServiceClientConstructor>;
  };
};

const { TestService, UnimplementedService } = loaded.grpc.testing;

/** A method of the service that nobody implements. */
export const unimplemented = (): AnyMethod => methodOf('UnimplementedCall', UnimplementedService);

/** Metadata that the service sends back: in front of the answer, and behind it. */
export const ECHOED = {
  initial: 'x-grpc-test-echo-initial',
  trailing: 'x-grpc-test-echo-trailing-bin',
} as const;

/** A message with bytes in it. */
export interface Payload {
  readonly payload: { readonly body: Buffer } | null;
}

interface Request extends Payload {
  readonly response_size: number;
  readonly response_status: { readonly code: number; readonly message: string } | null;
  readonly response_parameters: readonly { readonly size: number; readonly interval_us: number }[];
}

/** A message with so many bytes. */
export function payloadOf(bytes: number): Payload {
  return { payload: { body: Buffer.alloc(bytes) } };
}

interface WithMetadata {
  readonly metadata: grpc.Metadata;
  sendMetadata(metadata: grpc.Metadata): void;
}

function echoInitial(call: WithMetadata): void {
  const [value] = call.metadata.get(ECHOED.initial);
  if (value === undefined) return;
  const initial = new grpc.Metadata();
  initial.set(ECHOED.initial, value);
  call.sendMetadata(initial);
}

function echoTrailing(call: WithMetadata): grpc.Metadata {
  const trailing = new grpc.Metadata();
  for (const value of call.metadata.get(ECHOED.trailing)) trailing.add(ECHOED.trailing, value);
  return trailing;
}

function wantedError(request: Request): Partial<grpc.StatusObject> | null {
  const { code = 0, message = '' } = request.response_status ?? {};
  return code === 0 ? null : { code, details: message };
}

/** What the tests' server does. */
export const interopHandlers: grpc.UntypedServiceImplementation = {
  EmptyCall: (_call: unknown, done: grpc.sendUnaryData<object>) => done(null, {}),
  UnaryCall: (call: grpc.ServerUnaryCall<Request, Payload>, done: grpc.sendUnaryData<Payload>) => {
    echoInitial(call);
    const error = wantedError(call.request);
    if (error !== null) done({ ...error, metadata: echoTrailing(call) });
    else done(null, payloadOf(call.request.response_size), echoTrailing(call));
  },
  StreamingInputCall: (
    call: grpc.ServerReadableStream<Payload, object>,
    done: grpc.sendUnaryData<object>,
  ) => {
    let bytes = 0;
    call.on('data', ({ payload }: Payload) => (bytes += payload?.body.length ?? 0));
    call.on('end', () => done(null, { aggregated_payload_size: bytes }));
  },
  StreamingOutputCall: (call: grpc.ServerWritableStream<Request, Payload>) => {
    for (const { size } of call.request.response_parameters) call.write(payloadOf(size));
    call.end();
  },
  FullDuplexCall: (call: grpc.ServerDuplexStream<Request, Payload>) => {
    echoInitial(call);
    call.on('data', (request: Request) => {
      const error = wantedError(request);
      if (error !== null) call.emit('error', error);
      for (const { size, interval_us } of request.response_parameters)
        setTimeout(() => call.write(payloadOf(size)), interval_us / 1000);
    });
    call.on('end', () => call.end(echoTrailing(call)));
  },
};

/** What a unary call came to. */
export interface UnaryOutcome {
  readonly code: number;
  readonly details: string;
  readonly bytes: number | undefined;
  readonly initial: grpc.Metadata;
  readonly trailers: grpc.Metadata;
}

/** A grpc-js client of `grpc.testing.TestService`. */
export class InteropClient {
  private readonly client: grpc.Client;

  constructor(
    address: string,
    credentials: grpc.ChannelCredentials,
    options: grpc.ClientOptions = {},
  ) {
    this.client = new grpc.Client(address, credentials, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      ...options,
    });
  }

  unary(
    request: object,
    options: grpc.CallOptions & { metadata?: grpc.Metadata; method?: AnyMethod } = {},
  ): Promise<UnaryOutcome> {
    const { metadata = new grpc.Metadata(), method = methodOf('UnaryCall') } = options;
    return new Promise((resolve) => {
      let bytes: number | undefined;
      let initial = new grpc.Metadata();
      const { path, requestSerialize, responseDeserialize } = method;
      this.client
        .makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          options,
          (_error, answer) => (bytes = answer?.payload?.body.length),
        )
        .on('metadata', (value) => (initial = value))
        .on('status', ({ code, details, metadata: trailers }) =>
          // The callback comes after the status.
          setImmediate(() => resolve({ code, details, bytes, initial, trailers })),
        );
    });
  }

  clientStream(
    done: (error: grpc.ServiceError | null, bytes?: number) => void,
  ): grpc.ClientWritableStream<object> {
    const method = methodOf('StreamingInputCall');
    return this.client.makeClientStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      (error, answer) =>
        done(
          error,
          (answer as Partial<{ aggregated_payload_size: number }> | undefined)
            ?.aggregated_payload_size,
        ),
    );
  }

  serverStream(sizes: readonly number[]): grpc.ClientReadableStream<Payload> {
    const method = methodOf('StreamingOutputCall');
    return this.client.makeServerStreamRequest<object, Payload>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      { response_parameters: sizes.map((size) => ({ size })) },
    );
  }

  duplex(
    metadata = new grpc.Metadata(),
    options: grpc.CallOptions = {},
  ): grpc.ClientDuplexStream<object, Payload> {
    const method = methodOf('FullDuplexCall');
    return this.client.makeBidiStreamRequest<object, Payload>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata,
      options,
    );
  }

  close(): void {
    this.client.close();
  }
}

export type AnyMethod = grpc.MethodDefinition<object, Payload>;

/** A method of a service. */
export function methodOf(name: string, { service } = TestService): AnyMethod {
  return service[name] as AnyMethod;
}

/** A real grpc-js server of `grpc.testing.TestService`. Yields its host:port and how to stop it. */
export async function startInteropServer(
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<{ readonly address: string; readonly stop: () => void }> {
  const server = new grpc.Server();
  const { UnimplementedCall: _absent, ...implemented } = TestService.service;
  server.addService(implemented, interopHandlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, stop: () => server.forceShutdown() };
}
