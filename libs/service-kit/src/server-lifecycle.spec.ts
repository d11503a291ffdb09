import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  Client,
  credentials,
  logVerbosity,
  Metadata,
  setLogVerbosity,
  status,
  type ServiceError as GrpcError,
} from '@grpc/grpc-js';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { health, helloworld, reflectionV1, reflectionV1alpha, rpc } from '@raftway/contracts';
import { ServiceError, unavailable } from '@raftway/errors';
import { createClient } from './client/create-client';
import type { CallContext, Handlers } from './rpc/handlers';
import { implementService, type ServiceTraits } from './rpc/implement-service';
import { createServer } from './server/create-server';
import type { RaftwayServer, ServerOptions } from './server/server-types';

type Greeter = typeof helloworld.GreeterService;

// grpc-js writes to the console that an address is in use, which one of these specs is about.
setLogVerbosity(logVerbosity.NONE);

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function greeter(handlers: Partial<Handlers<Greeter>> = {}, traits: ServiceTraits<Greeter> = {}) {
  const unused = () => {
    throw new Error('not in these specs');
  };
  const all: Handlers<Greeter> = {
    sayHello: ({ name }) => ({ message: `Hello, ${name}!` }),
    sayHelloStreamReply: unused,
    sayHelloClientStream: unused,
    sayHelloBidiStream: unused,
    sayHelloNumbered: unused,
    ...handlers,
  };
  return implementService(helloworld.GreeterService, all, traits);
}

async function serve(
  handlers: Partial<Handlers<Greeter>> = {},
  options: Partial<ServerOptions> = {},
  traits: ServiceTraits<Greeter> = {},
): Promise<RaftwayServer> {
  const server = createServer({
    name: 'greeter',
    services: [greeter(handlers, traits)],
    httpBind: '127.0.0.1:0',
    drainDelayMs: 0,
    drainTimeoutMs: 2000,
    ...options,
  });
  await server.start();
  cleanups.push(() => server.stop());
  return server;
}

function connect(server: RaftwayServer) {
  const client = createClient(helloworld.GreeterService, server.address);
  cleanups.push(() => client.close());
  return client;
}

function connectHealth(server: RaftwayServer) {
  const client = createClient(health.HealthService, server.address);
  cleanups.push(() => client.close());
  return client;
}

/** A client that has no part of the kit in it. */
function rawClient(server: RaftwayServer): Client {
  const client = new Client(server.address, credentials.createInsecure());
  cleanups.push(() => client.close());
  return client;
}

/** Until the server takes no calls any more. */
function refused(server: RaftwayServer): Promise<void> {
  return until(async () => {
    const client = createClient(helloworld.GreeterService, server.address);
    return client
      .sayHello({}, { timeoutMs: 1000 })
      .then(
        () => false,
        () => true,
      )
      .finally(() => client.close());
  });
}

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let turn = 0; turn < 1000; turn += 1) {
    if (await holds()) return;
    await delay(20);
  }
  throw new Error('it did not happen within 20 s');
}

describe('a request that is not the message it should be', () => {
  const bytes = Buffer.from('0aff', 'hex');

  it('is answered with INVALID_ARGUMENT MALFORMED_REQUEST and details', async () => {
    const client = rawClient(await serve());
    const error = await new Promise<GrpcError | null>((resolve) => {
      client.makeUnaryRequest(
        '/helloworld.Greeter/SayHello',
        (request: Buffer) => request,
        (reply) => reply,
        bytes,
        (failure) => resolve(failure),
      );
    });
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    const details = error?.metadata.get('grpc-status-details-bin')[0];
    const decoded = rpc.Status.decode(details as Buffer);
    expect(decoded.code).toBe(status.INVALID_ARGUMENT);
    const info = rpc.ErrorInfo.decode(decoded.details[0]?.value ?? Buffer.alloc(0));
    expect(info).toMatchObject({ reason: 'MALFORMED_REQUEST', domain: 'raftway' });
  });

  it('ends a stream of requests the same way', async () => {
    const server = await serve({
      sayHelloClientStream: async (requests) => {
        for await (const _request of requests) continue;
        return { message: '' };
      },
    });
    const client = rawClient(server);
    const error = await new Promise<GrpcError | null>((resolve) => {
      const call = client.makeClientStreamRequest(
        '/helloworld.Greeter/SayHelloClientStream',
        (request: Buffer) => request,
        (reply) => reply,
        (failure) => resolve(failure),
      );
      call.write(Buffer.from(helloworld.HelloRequest.encode({ name: 'fine' }).finish()));
      call.write(bytes);
      call.end();
    });
    expect(error?.code).toBe(status.INVALID_ARGUMENT);
  });
});

describe('reflection', () => {
  const definitions = {
    v1: reflectionV1.ServerReflectionService,
    v1alpha: reflectionV1alpha.ServerReflectionService,
  };
  const versions = ['v1', 'v1alpha'] as const;

  type Question = NonNullable<reflectionV1.ServerReflectionRequest['messageRequest']>;
  type Answer = reflectionV1.ServerReflectionResponse['messageResponse'];

  /** Asks as grpcurl does: over a stream, with nothing of the kit in between. */
  async function ask(
    server: RaftwayServer,
    version: (typeof versions)[number],
    questions: Question[],
  ): Promise<Answer[]> {
    const { path, requestSerialize, responseDeserialize } =
      definitions[version].serverReflectionInfo;
    const call = rawClient(server).makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      new Metadata(),
    );
    for (const messageRequest of questions) call.write({ host: '', messageRequest });
    call.end();
    const answers: Answer[] = [];
    for await (const {
      messageResponse,
    } of call as AsyncIterable<reflectionV1.ServerReflectionResponse>) {
      answers.push(messageResponse);
    }
    return answers;
  }

  function fileNames(answer: Answer): string[] {
    if (answer?.$case !== 'fileDescriptorResponse') throw new Error(JSON.stringify(answer));
    return answer.value.fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    );
  }

  it.each(versions)('%s lists the services that the server has and no others', async (version) => {
    const [answer] = await ask(await serve(), version, [{ $case: 'listServices', value: '' }]);
    expect(answer).toEqual({
      $case: 'listServicesResponse',
      value: {
        service: [
          'grpc.health.v1.Health',
          'grpc.reflection.v1.ServerReflection',
          'grpc.reflection.v1alpha.ServerReflection',
          'helloworld.Greeter',
        ].map((name) => ({ name })),
      },
    });
  });

  it.each(versions)(
    '%s resolves services, methods, messages and well-known types',
    async (version) => {
      const symbols = [
        'helloworld.Greeter',
        'helloworld.Greeter.SayHello',
        'helloworld.HelloRequest',
        'google.protobuf.Timestamp',
        'google.protobuf.Duration',
        'raftway.lock.v1.AcquireRequest',
      ];
      const answers = await ask(
        await serve(),
        version,
        symbols.map((value) => ({ $case: 'fileContainingSymbol', value })),
      );
      expect(answers.map((answer) => fileNames(answer)[0])).toEqual([
        'helloworld/helloworld.proto',
        'helloworld/helloworld.proto',
        'helloworld/helloworld.proto',
        'google/protobuf/timestamp.proto',
        'google/protobuf/duration.proto',
        'raftway/lock/v1/lock.proto',
      ]);
      expect(fileNames(answers[5])).toContain('google/protobuf/duration.proto');
    },
  );

  it.each(versions)('%s answers unknown names with NOT_FOUND and goes on', async (version) => {
    const answers = await ask(await serve(), version, [
      { $case: 'fileContainingSymbol', value: 'no.such.Symbol' },
      { $case: 'fileByFilename', value: 'no/such.proto' },
      { $case: 'fileByFilename', value: 'helloworld/helloworld.proto' },
      { $case: 'allExtensionNumbersOfType', value: 'helloworld.HelloRequest' },
    ]);
    expect(answers.map((answer) => answer?.$case)).toEqual([
      'errorResponse',
      'errorResponse',
      'fileDescriptorResponse',
      'allExtensionNumbersResponse',
    ]);
    expect(answers[0]).toMatchObject({ value: { errorCode: status.NOT_FOUND } });
  });
});

describe('health', () => {
  const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = health.HealthCheckResponse_ServingStatus;

  it('knows the process, each service, and nothing else', async () => {
    const client = connectHealth(await serve());
    expect(await client.check({})).toEqual({ status: SERVING });
    expect(await client.check({ service: 'helloworld.Greeter' })).toEqual({ status: SERVING });
    await expect(client.check({ service: 'no.such.Service' })).rejects.toMatchObject({
      reason: 'SERVICE_NOT_FOUND',
    });
    expect(await client.list({})).toEqual({
      statuses: { '': { status: SERVING }, 'helloworld.Greeter': { status: SERVING } },
    });
  });

  it('follows readiness until a service has a status of its own', async () => {
    let ready: true | string = 'warming up';
    const server = await serve({}, { readiness: () => ready });
    const client = connectHealth(server);
    expect(await client.check({})).toEqual({ status: NOT_SERVING });
    ready = true;
    server.setServingStatus('helloworld.Greeter', false);
    expect(await client.check({})).toEqual({ status: SERVING });
    expect(await client.check({ service: 'helloworld.Greeter' })).toEqual({ status: NOT_SERVING });
  });

  it('tells watchers of changes, of services that it does not know too', async () => {
    const server = await serve();
    const client = connectHealth(server);
    const unknown = client.watch({ service: 'no.such.Service' })[Symbol.asyncIterator]();
    expect((await unknown.next()).value).toEqual({ status: SERVICE_UNKNOWN });
    const watch = client.watch({ service: 'helloworld.Greeter' })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toEqual({ status: SERVING });
    server.setServingStatus('helloworld.Greeter', false);
    expect((await watch.next()).value).toEqual({ status: NOT_SERVING });
    await Promise.all([unknown.return?.(), watch.return?.()]);
  });
});

describe('HTTP probes', () => {
  it('say that the process lives, whether it is ready and why not, and what it counted', async () => {
    let ready: true | string = true;
    const server = await serve({}, { readiness: () => ready });
    const get = (path: string) => fetch(`http://${server.httpAddress}${path}`);
    expect((await get('/livez')).status).toBe(200);
    expect(await (await get('/readyz')).json()).toEqual({ ready: true, reasons: [] });
    ready = 'no leader is known';
    const notReady = await get('/readyz');
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toEqual({ ready: false, reasons: ['no leader is known'] });
    expect(await (await get('/metrics')).text()).toContain('rpc_server_call_duration_seconds');
    expect((await get('/nothing')).status).toBe(404);
    expect((await fetch(`http://${server.httpAddress}/livez`, { method: 'POST' })).status).toBe(
      405,
    );
  });
});

describe('start', () => {
  it('fails with one clear sentence when the address is in use', async () => {
    const taken = createTcpServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => void taken.close());
    const bind = `127.0.0.1:${(taken.address() as AddressInfo).port}`;
    await expect(serve({}, { bind })).rejects.toThrow(
      `the gRPC server cannot listen on ${bind}: another process listens there (EADDRINUSE)`,
    );
    await expect(serve({}, { httpBind: bind })).rejects.toThrow(
      `the HTTP server cannot listen on ${bind}: another process listens there (EADDRINUSE)`,
    );
  });

  it('refuses limits that make no sense', () => {
    const limits = { concurrentCallsMax: 0 };
    expect(() => createServer({ name: 'greeter', services: [], limits })).toThrow(
      'concurrentCallsMax must be a positive whole number, got 0',
    );
  });
});

describe('drain', () => {
  it('says NOT_SERVING at once, serves calls during the delay, and refuses them after it', async () => {
    const server = await serve({}, { drainDelayMs: 300 });
    const client = connect(server);
    const checks = connectHealth(server);
    await client.sayHello({ name: 'Ada' });
    const stopped = server.stop();
    const { NOT_SERVING } = health.HealthCheckResponse_ServingStatus;
    expect(await checks.check({})).toEqual({ status: NOT_SERVING });
    expect((await fetch(`http://${server.httpAddress}/readyz`)).status).toBe(503);
    expect(await client.sayHello({ name: 'Ada' })).toEqual({ message: 'Hello, Ada!' });
    await stopped;
    await expect(client.sayHello({ name: 'Ada' })).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
    });
  });

  it('tells health watchers NOT_SERVING before it ends their stream', async () => {
    const server = await serve({}, { drainDelayMs: 100 });
    const watch = connectHealth(server).watch({})[Symbol.asyncIterator]();
    const { SERVING, NOT_SERVING } = health.HealthCheckResponse_ServingStatus;
    expect((await watch.next()).value).toEqual({ status: SERVING });
    const stopped = server.stop();
    expect((await watch.next()).value).toEqual({ status: NOT_SERVING });
    await expect(watch.next()).rejects.toMatchObject({ reason: 'DRAINING' });
    await stopped;
  });

  it('lets calls in progress finish', async () => {
    const held = deferred();
    const started = deferred();
    const server = await serve({
      sayHello: async () => {
        started.resolve();
        await held.promise;
        return { message: 'finished' };
      },
    });
    const reply = connect(server).sayHello({});
    await started.promise;
    let stopped = false;
    const stopping = server.stop().then(() => (stopped = true));
    await delay(100);
    expect(stopped).toBe(false);
    held.resolve();
    expect(await reply).toEqual({ message: 'finished' });
    await stopping;
  });

  it('lets a stream in progress send all that it has', async () => {
    const held = deferred();
    const server = await serve({
      sayHelloStreamReply: async function* () {
        yield { message: 'first' };
        await held.promise;
        yield { message: 'last' };
      },
    });
    const replies = connect(server).sayHelloStreamReply({})[Symbol.asyncIterator]();
    await replies.next();
    const stopped = server.stop();
    await refused(server);
    held.resolve();
    expect((await replies.next()).value).toEqual({ message: 'last' });
    expect(await replies.next()).toMatchObject({ done: true });
    await stopped;
  });

  it('ends streams that outlast the timeout with UNAVAILABLE DRAINING', async () => {
    const server = await serve(
      {
        sayHelloStreamReply: async function* () {
          yield { message: 'first' };
          await new Promise(() => undefined);
        },
      },
      { drainTimeoutMs: 100 },
    );
    const replies = connect(server).sayHelloStreamReply({})[Symbol.asyncIterator]();
    await replies.next();
    const ended = expect(replies.next()).rejects.toMatchObject({ reason: 'DRAINING' });
    await server.stop();
    await ended;
  });

  it('hands calls back that nobody has answered, which clients then make again by themselves', async () => {
    let calls = 0;
    const server = await serve({
      sayHello: ({ name }) => {
        calls += 1;
        if (calls > 1) return Promise.resolve({ message: name });
        return Promise.reject(unavailable('DRAINING', 'go elsewhere', { unprocessed: true }));
      },
      sayHelloStreamReply: async function* () {
        yield { message: 'first' };
        await Promise.reject(unavailable('DRAINING', 'too late', { unprocessed: true }));
      },
    });
    const client = connect(server);

    expect(await client.sayHello({ name: 'Ada' })).toEqual({ message: 'Ada' });
    expect(calls).toBe(2);
    const replies = client.sayHelloStreamReply({})[Symbol.asyncIterator]();
    await replies.next();
    await expect(replies.next()).rejects.toMatchObject({ reason: 'DRAINING' });
  });

  it('ends streams that were declared endless with UNAVAILABLE DRAINING at once', async () => {
    const reasons: unknown[] = [];
    const server = await serve(
      {
        sayHelloBidiStream: async function* (requests, call) {
          call.signal.addEventListener('abort', () => reasons.push(call.signal.reason));
          for await (const { name } of requests) yield { message: name };
        },
      },
      { drainTimeoutMs: 60_000 },
      { endlessMethods: ['sayHelloBidiStream'] },
    );
    async function* forever() {
      yield { name: 'first' };
      await new Promise(() => undefined);
    }
    const replies = connect(server).sayHelloBidiStream(forever())[Symbol.asyncIterator]();
    expect((await replies.next()).value).toEqual({ message: 'first' });
    const ended = expect(replies.next()).rejects.toMatchObject({ reason: 'DRAINING' });
    await server.stop();
    await ended;
    expect(reasons).toEqual([expect.any(ServiceError)]);
  });

  it('ends calls that outlast the timeout, even those whose handler ignores its signal', async () => {
    let call: CallContext | undefined;
    const server = await serve(
      {
        sayHello: async (_request, context) => {
          call = context;
          return new Promise(() => undefined);
        },
      },
      { drainTimeoutMs: 100 },
    );
    const reply = connect(server).sayHello({});
    const ended = expect(reply).rejects.toMatchObject({ reason: 'DRAINING' });
    await until(() => call !== undefined);
    await server.stop();
    await ended;
    expect(call?.signal.aborted).toBe(true);
  });

  it('starts the replica first and stops it last', async () => {
    const events: string[] = [];
    const server = createServer({
      name: 'greeter',
      services: [greeter({ sayHello: () => ({ message: events.join() }) })],
      drainDelayMs: 0,
      replica: {
        services: [],
        start: async () => void events.push('replica started'),
        stop: async () => void events.push('replica stopped'),
        readiness: () => 'the log is being recovered',
        reportServing: (setServingStatus) => setServingStatus('helloworld.Greeter', false),
      },
    });
    await server.start();
    const client = connect(server);
    expect(await client.sayHello({})).toEqual({ message: 'replica started' });
    await server.stop();
    expect(events).toEqual(['replica started', 'replica stopped']);
  });
});
