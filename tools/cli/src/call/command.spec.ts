import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { descriptorSetBase64, helloworld, reflectionV1alpha } from '@raftway/contracts';
import { failedPrecondition, invalidArgument, unavailable } from '@raftway/errors';
import { type CallContext, implementService } from '@raftway/service-kit';
import { startTestServer, type TestServer } from '@raftway/service-kit/testing';
import { createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { runWords, type Typing } from '../../test/support/run-words';

let server: TestServer;
let seen: CallContext | undefined;

type Hello = helloworld.HelloRequest;
const greet = ({ name }: Hello): helloworld.HelloReply => ({ message: `Hello, ${name}!` });

beforeAll(async () => {
  const greeter = implementService(helloworld.GreeterService, {
    sayHello: async (request, call) => {
      seen = call;
      const { name } = request;
      if (name === '') throw invalidArgument({ field: 'name', description: 'is required' });
      if (name === 'late')
        await new Promise<void>((resolve) =>
          call.signal.addEventListener('abort', () => resolve()),
        );
      if (name === 'gone') throw unavailable('OUTCOME_UNKNOWN', 'nobody knows');
      if (name === 'held')
        throw failedPrecondition('NOT_HOLDER', 'not yours', { metadata: { lock: 'a' } });
      return greet(request);
    },
    sayHelloStreamReply: async function* (request) {
      yield greet(request);
      yield greet(request);
    },
    sayHelloClientStream: async (requests) => {
      const names: string[] = [];
      for await (const { name } of requests) names.push(name);
      return { message: names.join('+') };
    },
    sayHelloBidiStream: async function* (requests) {
      for await (const request of requests) yield greet(request);
    },
    sayHelloNumbered: () => ({
      message: '',
      greetingId: '',
      fencingToken: 9_007_199_254_740_993n,
      instanceId: '',
    }),
  });
  server = await startTestServer({ services: [greeter] });
});

afterAll(() => server.stop());

const call = (words: readonly string[], typing?: Typing) =>
  runWords(['call', ...words, '--address', server.server.address], typing);

describe('raftway call', () => {
  it('lists services, and the methods of one', async () => {
    expect((await call([])).out.split('\n')).toContain('helloworld.Greeter');
    expect((await call(['Greeter'])).out).toContain(
      'helloworld.Greeter/SayHelloStreamReply(helloworld.HelloRequest) → stream helloworld.HelloReply\n',
    );
    expect(JSON.parse((await call(['helloworld.Greeter', '--json'])).out)).toContain(
      'helloworld.Greeter/SayHello',
    );
  });

  it('calls a method by its full name, or without the package', async () => {
    const reply = '{\n  "message": "Hello, Ada!"\n}\n';

    expect(await call(['helloworld.Greeter/SayHello', '{"name": "Ada"}'])).toMatchObject({
      out: reply,
      code: 0,
    });
    expect(await call(['/Greeter/SayHello', '{"name": "Ada"}'])).toMatchObject({ out: reply });
  });

  it('takes the request from standard input, and streams in both directions as lines', async () => {
    const two = '{"name": "a"}\n\n{"name": "b"}\n';

    expect((await call(['Greeter/SayHello', '-'], { input: '{"name": "x"}' })).out).toContain('x!');
    expect((await call(['Greeter/SayHelloStreamReply', '{"name": "y"}'])).out).toBe(
      '{"message":"Hello, y!"}\n{"message":"Hello, y!"}\n',
    );
    expect((await call(['Greeter/SayHelloClientStream', '-', '--json'], { input: two })).out).toBe(
      '{"message":"a+b"}\n',
    );
    expect((await call(['Greeter/SayHelloClientStream', '[{"name": "c"}]'])).out).toContain('"c"');
    expect((await call(['Greeter/SayHelloBidiStream', two])).out).toBe(
      '{"message":"Hello, a!"}\n{"message":"Hello, b!"}\n',
    );
  });

  it('keeps 64-bit numbers exact', async () => {
    expect((await call(['Greeter/SayHelloNumbered'])).out).toContain(
      '"fencingToken": "9007199254740993"',
    );
  });

  it('sends metadata, of which -bin values are base64, and the deadline', async () => {
    const headers = ['-H', 'x-tenant: a:b', '-H', 'x-tenant: c', '-H', 'x-raw-bin: AAE='];

    await call(['Greeter/SayHello', '{"name": "Ada"}', '--deadline', '5s', ...headers]);

    expect(seen?.metadata.getAll('x-tenant').join(', ')).toBe('a:b, c');
    expect(seen?.metadata.getBytes('x-raw-bin')).toEqual(Buffer.from([0, 1]));
    expect(seen?.deadlineMs).toBeLessThanOrEqual(5000);
  });

  it('prints code, reason, message, fields and remedy of a failure (1)', async () => {
    const { code, error } = await call(['Greeter/SayHello', '{}']);

    expect(code).toBe(1);
    expect(error).toContain('raftway: INVALID_ARGUMENT: name: is required\n  name: is required\n');
    expect(error).toContain('Correct the named fields.');
    expect((await call(['Greeter/SayHello', '{"name": "held"}'])).error).toContain(
      'raftway: FAILED_PRECONDITION NOT_HOLDER: not yours\n  lock: a\n',
    );
  });

  it('prints failures with every detail as JSON', async () => {
    const { error } = await call(['Greeter/SayHello', '{}', '--json']);

    expect(JSON.parse(error)).toMatchObject({
      exitCode: 1,
      error: {
        code: 'INVALID_ARGUMENT',
        message: 'name: is required',
        details: [
          { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', domain: 'raftway' },
          { fieldViolations: [{ field: 'name', description: 'is required' }] },
        ],
      },
    });
  });

  it('says that a call was cut short or has an unknown outcome (75), or reached nobody (69)', async () => {
    const late = await call(['Greeter/SayHello', '{"name": "late"}', '--deadline', '100ms']);
    expect(late).toMatchObject({ code: 75 });
    expect(late.error).toContain('DEADLINE_EXCEEDED');
    expect(await call(['Greeter/SayHello', '{"name": "gone"}'])).toMatchObject({ code: 75 });
    const nobody = await runWords(['call', '--address', '127.0.0.1:1']);
    expect(nobody).toMatchObject({ code: 69 });
    expect(nobody.error).toContain('UNAVAILABLE: nobody listens at 127.0.0.1:1');
  });

  it.each([
    ['Greeter/SayHelo', 'did you mean SayHello?'],
    ['Greter/SayHello', 'did you mean helloworld.Greeter?'],
    ['nothing.Like.It/Here', 'it has grpc.health.v1.Health'],
  ])('answers %s with what the server has (64)', async (method, hint) => {
    const { code, error } = await call([method, '{}']);

    expect(code).toBe(64);
    expect(error).toContain(hint);
  });

  it.each([
    ['{"nme": "Ada"}', 'key "nme" is unknown'],
    ['{"name": 7}', 'cannot decode field helloworld.HelloRequest.name'],
    ['{', 'the request is no JSON'],
    ['@/no/such/file', '/no/such/file cannot be read (ENOENT)'],
  ])('refuses %s before anything is sent (64)', async (request, text) => {
    seen = undefined;

    const { code, error } = await call(['Greeter/SayHello', request]);

    expect(code).toBe(64);
    expect(error).toContain(text);
    expect(seen).toBeUndefined();
  });
});

/** Speaks reflection v1alpha only, and gives away one file at a time: as older servers do. */
async function startOldServer(): Promise<{ readonly address: string; readonly server: Server }> {
  const files = createFileRegistry(
    fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64')),
  );
  type Reply = reflectionV1alpha.ServerReflectionResponse['messageResponse'];
  const fileOf = (name: string): Reply => {
    const file = files.getFile(name);
    if (file === undefined) throw new Error(name);
    const bytes = Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto));
    return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto: [bytes] } };
  };
  const old = new Server();
  old.addService(reflectionV1alpha.ServerReflectionService, {
    serverReflectionInfo: (
      stream: ServerDuplexStream<
        reflectionV1alpha.ServerReflectionRequest,
        reflectionV1alpha.ServerReflectionResponse
      >,
    ) => {
      stream.on('data', ({ messageRequest }: reflectionV1alpha.ServerReflectionRequest) => {
        const messageResponse =
          messageRequest?.$case === 'fileByFilename'
            ? fileOf(messageRequest.value)
            : fileOf('raftway/id/v1/id.proto');
        stream.write({ validHost: '', originalRequest: undefined, messageResponse });
      });
      stream.on('end', () => stream.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    old.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, server: old };
}

describe('a server that knows reflection v1alpha only', () => {
  it('is understood, also when it gives one file at a time', async () => {
    const { address, server: old } = await startOldServer();

    const { out, code } = await runWords(['call', 'raftway.id.v1.IdService', '--address', address]);

    old.forceShutdown();
    expect(code).toBe(0);
    expect(out).toContain('raftway.id.v1.IdService/InspectId(raftway.id.v1.InspectIdRequest)');
  });

  it('has a clear answer when it knows neither (1)', async () => {
    const none = new Server();
    const port = await new Promise<number>((resolve) => {
      none.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_e, bound) =>
        resolve(bound),
      );
    });

    const { code, error } = await runWords(['call', '--address', `127.0.0.1:${port}`]);

    none.forceShutdown();
    expect(code).toBe(1);
    expect(error).toContain('has no gRPC reflection');
  });
});
