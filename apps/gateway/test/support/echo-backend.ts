import * as grpc from '@grpc/grpc-js';

type Bytes = Buffer;
const same = (value: Bytes): Bytes => value;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** The four kinds of `test.Echo`, without a proto; `Look` is another unary one. */
export const echoDefinition = {
  Unary: method('Unary', false, false),
  Look: method('Look', false, false),
  ClientStream: method('ClientStream', true, false),
  ServerStream: method('ServerStream', false, true),
  Bidi: method('Bidi', true, true),
};

export type UnaryCall = grpc.ServerUnaryCall<Bytes, Bytes>;
export type UnaryDone = grpc.sendUnaryData<Bytes>;

/** A real grpc-js server. */
export class EchoBackend {
  readonly server: grpc.Server;
  readonly metadata: grpc.Metadata[] = [];
  readonly deadlines: grpc.Deadline[] = [];
  calls = 0;
  cancelled = 0;
  address = '';

  constructor(
    readonly name: string,
    private readonly overrides: grpc.UntypedServiceImplementation = {},
    options: grpc.ServerOptions = {},
  ) {
    this.server = new grpc.Server({ 'grpc.max_receive_message_length': -1, ...options });
  }

  async start(port = 0, credentials = grpc.ServerCredentials.createInsecure()): Promise<this> {
    this.server.addService(echoDefinition, { ...this.handlers(), ...this.overrides });
    const bound = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${port}`, credentials, (error, at) =>
        error === null ? resolve(at) : reject(error),
      );
    });
    this.address = `127.0.0.1:${bound}`;
    return this;
  }

  stop(): void {
    this.server.forceShutdown();
  }

  note(call: {
    metadata: grpc.Metadata;
    getDeadline(): grpc.Deadline;
    on(name: 'cancelled', listener: () => void): unknown;
  }): void {
    this.calls += 1;
    this.metadata.push(call.metadata);
    this.deadlines.push(call.getDeadline());
    call.on('cancelled', () => (this.cancelled += 1));
  }

  private handlers(): grpc.UntypedServiceImplementation {
    const unary = (call: UnaryCall, done: UnaryDone): void => {
      this.note(call);
      const trailer = new grpc.Metadata();
      trailer.set('served-by', this.name);
      done(null, call.request, trailer);
    };
    return {
      Unary: unary,
      Look: unary,
      ClientStream: (call: grpc.ServerReadableStream<Bytes, Bytes>, done: UnaryDone) => {
        this.note(call);
        let bytes = 0;
        call.on('data', (chunk: Bytes) => (bytes += chunk.length));
        call.on('end', () => done(null, Buffer.from(String(bytes))));
      },
      ServerStream: (call: grpc.ServerWritableStream<Bytes, Bytes>) => {
        this.note(call);
        const [count = 0, size = 0] = call.request.toString().split('x').map(Number);
        const chunk = Buffer.alloc(size, 1);
        let sent = 0;
        const more = (): void => {
          while (sent < count) {
            sent += 1;
            if (!call.write(chunk)) return void call.once('drain', more);
          }
          call.end();
        };
        more();
      },
      Bidi: (call: grpc.ServerDuplexStream<Bytes, Bytes>) => {
        this.note(call);
        call.on('data', (chunk: Bytes) => call.write(chunk));
        call.on('end', () => call.end());
      },
    };
  }
}

/** What a call ended with. */
export interface Outcome<Message = Bytes> {
  code: number;
  details: string;
  trailers: grpc.Metadata;
  initial: grpc.Metadata;
  messages: Message[];
}

/** Calls test.Echo (or any path) with bytes. */
export class EchoClient {
  readonly client: grpc.Client;

  constructor(
    address: string,
    options: grpc.ClientOptions = {},
    credentials = grpc.credentials.createInsecure(),
  ) {
    this.client = new grpc.Client(address, credentials, {
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
      ...options,
    });
  }

  unary(
    body: string | Bytes,
    {
      path = '/test.Echo/Unary',
      metadata = new grpc.Metadata(),
      ...options
    }: grpc.CallOptions & { path?: string; metadata?: grpc.Metadata } = {},
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      const outcome = emptyOutcome<Bytes>();
      const request = typeof body === 'string' ? Buffer.from(body) : body;
      const call = this.client.makeUnaryRequest(
        path,
        same,
        same,
        request,
        metadata,
        options,
        (_error, value) => {
          if (value !== undefined) outcome.messages.push(value);
        },
      );
      call.on('metadata', (initial) => (outcome.initial = initial));
      call.on('status', (status) => {
        // The callback comes after the status.
        setImmediate(() =>
          resolve({
            ...outcome,
            code: status.code,
            details: status.details,
            trailers: status.metadata,
          }),
        );
      });
    });
  }

  serverStream(body: string, options: grpc.CallOptions = {}): grpc.ClientReadableStream<Bytes> {
    return this.client.makeServerStreamRequest(
      '/test.Echo/ServerStream',
      same,
      same,
      Buffer.from(body),
      options,
    );
  }

  bidi(
    options: grpc.CallOptions = {},
    path = '/test.Echo/Bidi',
  ): grpc.ClientDuplexStream<Bytes, Bytes> {
    return this.client.makeBidiStreamRequest(path, same, same, options);
  }

  clientStream(
    done: (error: grpc.ServiceError | null, value?: Bytes) => void,
  ): grpc.ClientWritableStream<Bytes> {
    return this.client.makeClientStreamRequest(
      '/test.Echo/ClientStream',
      same,
      same,
      new grpc.Metadata(),
      {},
      done,
    );
  }

  close(): void {
    this.client.close();
  }
}

/** Everything that a stream delivers until its status. */
export function collect<Message = Bytes>(
  stream: grpc.ClientReadableStream<Message> | grpc.ClientDuplexStream<never, Message>,
): Promise<Outcome<Message>> {
  return new Promise((resolve) => {
    const outcome = emptyOutcome<Message>();
    stream.on('data', (message: Message) => outcome.messages.push(message));
    stream.on('metadata', (initial) => (outcome.initial = initial));
    stream.on('error', () => undefined);
    stream.on('status', (status) =>
      resolve({
        ...outcome,
        code: status.code,
        details: status.details,
        trailers: status.metadata,
      }),
    );
  });
}

function emptyOutcome<Message>(): Outcome<Message> {
  return {
    code: -1,
    details: '',
    trailers: new grpc.Metadata(),
    initial: new grpc.Metadata(),
    messages: [],
  };
}
