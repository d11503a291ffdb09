import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { descriptorSetBase64 } from '@raftway/contracts';
import { silentLogger } from '@raftway/observability';
import { SchemaCatalog } from '../src/adapters/schema-catalog';
import { FakeView, instanceOf } from './support/fake-view';
import { eventually } from './support/harness';

const contracts = fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64'));
const files = contracts.file
  .filter(({ name }) => name.startsWith('helloworld/') || name.startsWith('google/api/'))
  .map((file) => toBinary(FileDescriptorProtoSchema, file));

describe('the schema catalog', () => {
  it('keeps what it has merged while nothing changes that it is made of', async () => {
    const view = new FakeView();
    let asked = 0;
    const learn = (): Promise<Uint8Array[]> => {
      asked += 1;
      return Promise.resolve([...files]);
    };
    const catalog = new SchemaCatalog(learn, silentLogger());
    const register = (version: string, weight: number): void => {
      const grpcServices = ['helloworld.Greeter'];
      view.set(instanceOf('127.0.0.1:1', { service: 'greeter', grpcServices, version, weight }));
      catalog.update(view);
    };
    register('1', 100);
    await eventually(
      () => catalog.schema().fileOfSymbol('helloworld.Greeter') !== undefined,
      'the greeter is learnt',
    );
    const first = catalog.schema();

    register('1', 50);
    expect(catalog.schema()).toBe(first);
    register('2', 50);
    await eventually(() => catalog.schema() !== first, 'the next version is learnt');

    expect(asked).toBe(2);
    catalog.stop();
  });
});
