import { type Tree } from '@nx/devkit';
import { differences, textsOf, workspaceTree } from '../../test/workspace';
import serviceGenerator from '../service/generator';
import rpcGenerator, { type RpcInput } from './generator';

let tree: Tree;

beforeEach(async () => {
  tree = workspaceTree();
  await serviceGenerator(tree, { name: 'quokkas' });
});

const read = (path: string): string => tree.read(path, 'utf8') ?? '';
const PROTO = 'protos/quokkas/v1/quokkas.proto';
const CODE = 'apps/quokkas/src/service/quokkas-service.ts';

describe('a new method', () => {
  it('is in the proto, the code, a spec, the README and the calls', async () => {
    const before = textsOf(tree);

    await rpcGenerator(tree, { service: 'quokkas', method: 'GetOrder' });

    expect(differences(before, textsOf(tree))).toEqual({
      added: ['apps/quokkas/src/service/get-order.spec.ts'],
      changed: ['apps/e2e/calls.json', 'apps/quokkas/README.md', CODE, PROTO],
    });
    expect(read(PROTO)).toContain('  rpc Echo(EchoRequest) returns (EchoResponse);\n');
    expect(read(PROTO)).toContain('  rpc GetOrder(GetOrderRequest) returns (GetOrderResponse);\n}');
    expect(read(PROTO)).toMatch(/^message GetOrderResponse \{$/m);
    expect(read(CODE)).toMatch(/^ {4}echo: /m);
    expect(read(CODE)).toMatch(/^ {4}getOrder: \(\{ text \}\) => /m);
    expect(read('apps/quokkas/README.md')).toMatch(/^\| `GetOrder` +\| unary +\|/m);
    expect(read('apps/quokkas/README.md')).toContain(
      `localhost:8080 quokkas.v1.QuokkasService/GetOrder\n`,
    );
    expect(JSON.parse(read('apps/e2e/calls.json'))).toContainEqual({
      method: 'quokkas.v1.QuokkasService/GetOrder',
      requests: [{ text: 'hello' }],
      replies: [{ text: 'hello' }],
    });
  });

  it.each([
    ['server', 'rpc Get(GetRequest) returns (stream GetResponse);', 'async function* ({ text })'],
    ['client', 'rpc Get(stream GetRequest) returns (GetResponse);', 'async (requests) =>'],
    ['bidi', 'rpc Get(stream GetRequest) returns (stream GetResponse);', 'function* (requests)'],
  ] as const)('streams: %s', async (stream, rpc, handler) => {
    await rpcGenerator(tree, { service: 'quokkas', method: 'Get', stream });

    expect(read(PROTO)).toContain(`  ${rpc}\n`);
    expect(read(CODE)).toContain(handler);
    const imported = /import \{ (.*) \} from '@raftway\/service-kit'/.exec(read(CODE))?.[1];
    expect(imported?.includes('atMost')).toBe(stream === 'client');
  });

  it('goes behind those that were added before', async () => {
    await rpcGenerator(tree, { service: 'quokkas', method: 'GetOrder', stream: 'client' });
    await rpcGenerator(tree, { service: 'quokkas', method: 'ListOrders', stream: 'client' });

    const names = [...read(CODE).matchAll(/^ {4}(\w+): /gm)].map(([, name]) => name);
    expect(names).toEqual(['echo', 'getOrder', 'listOrders']);
    expect(read(CODE).match(/atMost,/g)).toHaveLength(1);
  });
});

describe('refused before anything is written', () => {
  it.each<[string, RpcInput, RegExp]>([
    [
      'small letters',
      { service: 'quokkas', method: 'getOrder' },
      /"getOrder" is no name of a meth/,
    ],
    ['a hyphen', { service: 'quokkas', method: 'Get-Order' }, /is no name of a method/],
    ['a method that is there', { service: 'quokkas', method: 'Echo' }, /quokkas\.proto has a Echo/],
    ['nobody', { service: 'order', method: 'Get' }, /there is no service "order", only registry/],
    ['one made by hand', { service: 'greeter', method: 'Get' }, /not laid out as the generator/],
  ])('%s', async (_what, input, message) => {
    const before = textsOf(tree);

    await expect(rpcGenerator(tree, input)).rejects.toThrow(message);

    expect(textsOf(tree)).toEqual(before);
  });

  it('a message of that name', async () => {
    tree.write(PROTO, `${read(PROTO)}\nmessage GetRequest {}\n`);

    const generated = rpcGenerator(tree, { service: 'quokkas', method: 'Get' });

    await expect(generated).rejects.toThrow(/has a GetRequest: choose another name/);
  });
});
