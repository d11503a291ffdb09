import * as grpc from '@grpc/grpc-js';
import { create, fromBinary } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { reflectionV1 } from '@raftway/contracts';
import { addReflection } from './support/add-reflection';
import { instanceOf } from './support/fake-view';
import { eventually, Harness } from './support/harness';

type Request = NonNullable<reflectionV1.ServerReflectionRequest['messageRequest']>;

/** A file with one message that has these fields, and one service unless it is empty. */
function fileOf(
  name: string,
  pkg: string,
  message: string,
  fields: string[],
  service = '',
  dependency: string[] = [],
): FileDescriptorProto {
  return create(FileDescriptorProtoSchema, {
    name,
    package: pkg,
    syntax: 'proto3',
    dependency,
    messageType: [
      {
        name: message,
        field: fields.map((field, index) => ({
          name: field,
          number: index + 1,
          label: FieldDescriptorProto_Label.OPTIONAL,
          type: FieldDescriptorProto_Type.STRING,
        })),
      },
    ],
    service:
      service === ''
        ? []
        : [
            {
              name: service,
              method: [
                { name: 'Do', inputType: `.${pkg}.${message}`, outputType: `.${pkg}.${message}` },
              ],
            },
          ],
  });
}

/** A grpc-js server with nothing but reflection of given files, in the given versions of the protocol. */
async function reflectingBackend(
  files: FileDescriptorProto[],
  versions: string[],
): Promise<{ address: string; asked: () => number; stop: () => void }> {
  let asked = 0;
  const server = new grpc.Server();
  addReflection(server, files, versions, () => (asked += 1));
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, at) =>
      error ? reject(error) : resolve(at),
    ),
  );
  return { address: `127.0.0.1:${port}`, asked: () => asked, stop: () => server.forceShutdown() };
}

let harness: Harness;
const stops: (() => void)[] = [];

beforeEach(async () => {
  harness = await Harness.start();
});

afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  await harness.close();
});

async function backend(files: FileDescriptorProto[], versions = ['v1', 'v1alpha']) {
  const one = await reflectingBackend(files, versions);
  stops.push(one.stop);
  return one;
}

/** Asks the gateway in one stream. */
function ask(
  requests: Request[],
  version = 'v1',
): Promise<reflectionV1.ServerReflectionResponse['messageResponse'][]> {
  const call = harness.client().client.makeBidiStreamRequest(
    `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    (value: reflectionV1.ServerReflectionRequest) =>
      Buffer.from(reflectionV1.ServerReflectionRequest.encode(value).finish()),
    (bytes: Buffer) => reflectionV1.ServerReflectionResponse.decode(bytes),
  );
  const answers: reflectionV1.ServerReflectionResponse['messageResponse'][] = [];
  for (const messageRequest of requests) call.write({ host: '', messageRequest });
  call.end();
  return new Promise((resolve, reject) => {
    call.on('data', (answer: reflectionV1.ServerReflectionResponse) =>
      answers.push(answer.messageResponse),
    );
    call.on('error', reject);
    call.on('end', () => resolve(answers));
  });
}

async function filesOf(request: Request, version = 'v1'): Promise<FileDescriptorProto[]> {
  const [answer] = await ask([request], version);
  if (answer?.$case !== 'fileDescriptorResponse') return [];
  return answer.value.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  );
}

async function symbolFiles(symbol: string): Promise<FileDescriptorProto[]> {
  return filesOf({ $case: 'fileContainingSymbol', value: symbol });
}

async function known(symbol: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while ((await symbolFiles(symbol)).length === 0) {
    if (performance.now() > endMs) throw new Error(`${symbol} has not been learnt`);
  }
}

describe('merged reflection', () => {
  it.each(['v1', 'v1alpha'])('lists the services of all backends over %s', async (version) => {
    const a = await backend([fileOf('a.proto', 'a', 'M', ['x'], 'A')]);
    const b = await backend([fileOf('b.proto', 'b', 'M', ['x'], 'B')]);
    harness.view.set(
      instanceOf(a.address, { service: 'sa', grpcServices: ['a.A'] }),
      instanceOf(b.address, { service: 'sb', grpcServices: ['b.B'] }),
    );

    const [answer] = await ask([{ $case: 'listServices', value: '' }], version);

    expect(
      answer?.$case === 'listServicesResponse' && answer.value.service.map(({ name }) => name),
    ).toEqual([
      'a.A',
      'b.B',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
  });

  it('serves files with their imports, well-known ones that the backend did not send included', async () => {
    const a = await backend([
      fileOf('a.proto', 'a', 'M', ['x'], 'A', ['common.proto', 'google/protobuf/timestamp.proto']),
      fileOf('common.proto', 'common', 'C', ['x']),
    ]);
    harness.view.set(instanceOf(a.address, { service: 'sa', grpcServices: ['a.A'] }));
    await known('a.A');

    const files = await symbolFiles('a.A.Do');

    expect(files.map(({ name }) => name)).toEqual([
      'a.proto',
      'common.proto',
      'google/protobuf/timestamp.proto',
    ]);
    expect(
      (await filesOf({ $case: 'fileByFilename', value: 'common.proto' })).map(({ name }) => name),
    ).toEqual(['common.proto']);
  });

  it('knows backends that speak v1alpha only', async () => {
    const old = await backend([fileOf('old.proto', 'old', 'M', ['x'], 'Old')], ['v1alpha']);
    harness.view.set(instanceOf(old.address, { service: 'old', grpcServices: ['old.Old'] }));

    await known('old.Old');

    expect((await symbolFiles('old.M')).map(({ name }) => name)).toEqual(['old.proto']);
  });

  it('renames a file of the same name and other contents, with its imports rewritten', async () => {
    const a = await backend([
      fileOf('a.proto', 'a', 'M', ['x'], 'A', ['common.proto']),
      fileOf('common.proto', 'common', 'C', ['old']),
    ]);
    const b = await backend([
      fileOf('b.proto', 'b', 'M', ['x'], 'B', ['common.proto']),
      fileOf('common.proto', 'common', 'C', ['old', 'new']),
    ]);
    harness.view.set(
      instanceOf(a.address, { service: 'sa', grpcServices: ['a.A'], modifiedRevision: 1n }),
      instanceOf(b.address, { service: 'sb', grpcServices: ['b.B'], modifiedRevision: 2n }),
    );
    await known('a.A');
    await known('b.B');

    const [aFile, aCommon] = await symbolFiles('a.A');
    const [bFile, bCommon] = await symbolFiles('b.B');

    expect([bFile?.dependency, bCommon?.name]).toEqual([['common.proto'], 'common.proto']);
    expect([aFile?.dependency, aCommon?.name]).toEqual([['common.2.proto'], 'common.2.proto']);
    expect(aCommon?.messageType[0]?.field.map(({ name }) => name)).toEqual(['old']);
    const [newest] = await symbolFiles('common.C');
    expect(newest?.messageType[0]?.field.map(({ name }) => name)).toEqual(['old', 'new']);
  });

  it('asks one instance of a version, not all of them', async () => {
    const a = await backend([fileOf('a.proto', 'a', 'M', ['x'], 'A')]);
    harness.view.set(
      ...['1', '2', '3', '4'].map((instanceId) =>
        instanceOf(a.address, { service: 'sa', instanceId, grpcServices: ['a.A'] }),
      ),
    );
    await known('a.A');

    expect(a.asked()).toBe(1);
  });

  it('serves the new version once its instance is there, and keeps it when all are gone', async () => {
    const first = await backend([fileOf('a.proto', 'a', 'M', ['x'], 'A')]);
    const second = await backend([fileOf('a.proto', 'a', 'M', ['x', 'y'], 'A')]);
    harness.view.set(
      instanceOf(first.address, { service: 'sa', grpcServices: ['a.A'], version: '1' }),
    );
    await known('a.A');

    harness.view.set(
      instanceOf(second.address, { service: 'sa', grpcServices: ['a.A'], version: '2' }),
    );
    let fields: string[] | undefined;
    const look = async (): Promise<void> => {
      fields = (await symbolFiles('a.M'))[0]?.messageType[0]?.field.map(({ name }) => name);
    };
    await eventually(() => {
      void look();
      return fields?.length === 2;
    }, 'the new version is learnt');
    harness.view.set();
    await look();

    expect(fields).toEqual(['x', 'y']);
  });

  it('describes its own health and reflection services', async () => {
    expect((await symbolFiles('grpc.health.v1.Health')).map(({ name }) => name)).toEqual([
      'grpc/health/v1/health.proto',
    ]);
    expect((await symbolFiles('grpc.reflection.v1alpha.ServerReflection'))[0]?.name).toBe(
      'grpc/reflection/v1alpha/reflection.proto',
    );
  });

  it('answers NOT_FOUND for what nobody knows', async () => {
    const answers = await ask([
      { $case: 'fileContainingSymbol', value: 'no.Such' },
      { $case: 'fileByFilename', value: 'no.proto' },
      {
        $case: 'fileContainingExtension',
        value: { containingType: 'no.Such', extensionNumber: 1 },
      },
      { $case: 'allExtensionNumbersOfType', value: 'no.Such' },
    ]);

    expect(
      answers.map((answer) => answer?.$case === 'errorResponse' && answer.value.errorCode),
    ).toEqual([5, 5, 5, 5]);
  });
});
