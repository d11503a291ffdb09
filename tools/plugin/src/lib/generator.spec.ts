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

    await libGenerator(tree, { name: 'quokka-rules' });

    expect(differences(before, textsOf(tree))).toEqual({
      added: [
        'libs/quokka-rules/README.md',
        'libs/quokka-rules/jest.config.cjs',
        'libs/quokka-rules/package.json',
        'libs/quokka-rules/src/index.ts',
        'libs/quokka-rules/src/quokka-rules.spec.ts',
        'libs/quokka-rules/src/quokka-rules.ts',
        'libs/quokka-rules/tsconfig.json',
        'libs/quokka-rules/tsconfig.lib.json',
        'libs/quokka-rules/tsconfig.spec.json',
      ],
      changed: ['package-lock.json', 'tsconfig.json'],
    });
    const { packages } = readJson<{ packages: object }>(tree, 'package-lock.json');
    expect(packages).toMatchObject({
      'libs/quokka-rules': { name: '@raftway/quokka-rules', version: '0.1.0' },
      'node_modules/@raftway/quokka-rules': { resolved: 'libs/quokka-rules', link: true },
    });
  });

  it.each(['core', 'adapter', 'kit'] as const)('may be imported as %s', async (tag) => {
    await libGenerator(tree, { name: 'quokkas', tag });

    expect(readJson(tree, 'libs/quokkas/package.json')).toMatchObject({
      nx: { tags: [`type:${tag}`] },
    });
  });

  it.each([
    ['Quokkas', /is no name/],
    ['ids', /@raftway\/ids exists/],
    ['greeter', /@raftway\/greeter exists/],
  ])('named %s is refused before anything is written', async (name, message) => {
    const before = textsOf(tree);

    await expect(libGenerator(tree, { name })).rejects.toThrow(message);

    expect(textsOf(tree)).toEqual(before);
  });
});
