import { readJson, type Tree } from '@nx/devkit';
import { differences, textsOf, workspaceTree } from '../../test/workspace';
import libGenerator from './generator';

let tree: Tree;

beforeEach(() => {
  tree = workspaceTree();
});

describe('a new library', () => {
  it('is laid out as the others, and known to npm and to the compiler', async () => {
    const before = textsOf(tree);

    await libGenerator(tree, { name: 'price-rules' });

    expect(differences(before, textsOf(tree))).toEqual({
      added: [
        'libs/price-rules/README.md',
        'libs/price-rules/jest.config.cjs',
        'libs/price-rules/package.json',
        'libs/price-rules/src/index.ts',
        'libs/price-rules/src/price-rules.spec.ts',
        'libs/price-rules/src/price-rules.ts',
        'libs/price-rules/tsconfig.json',
        'libs/price-rules/tsconfig.lib.json',
        'libs/price-rules/tsconfig.spec.json',
      ],
      changed: ['package-lock.json', 'tsconfig.json'],
    });
    const { packages } = readJson<{ packages: object }>(tree, 'package-lock.json');
    expect(packages).toMatchObject({
      'libs/price-rules': { name: '@raftway/price-rules', version: '0.1.0' },
      'node_modules/@raftway/price-rules': { resolved: 'libs/price-rules', link: true },
    });
  });

  it.each(['core', 'adapter', 'kit'] as const)('may be imported as %s', async (tag) => {
    await libGenerator(tree, { name: 'pricing', tag });

    expect(readJson(tree, 'libs/pricing/package.json')).toMatchObject({
      nx: { tags: [`type:${tag}`] },
    });
  });

  it.each([
    ['Pricing', /is no name/],
    ['ids', /@raftway\/ids exists/],
    ['greeter', /@raftway\/greeter exists/],
  ])('named %s is refused before anything is written', async (name, message) => {
    const before = textsOf(tree);

    await expect(libGenerator(tree, { name })).rejects.toThrow(message);

    expect(textsOf(tree)).toEqual(before);
  });
});
