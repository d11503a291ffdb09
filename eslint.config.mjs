import eslint from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import tseslint from 'typescript-eslint';

const SPECS = ['**/*.spec.ts', '**/*.test.ts', '**/test/**/*.ts'];

/** Code that must give the same output for the same input: time and randomness are passed in. */
const PURE = [
  'libs/raft/src/core/**/*.ts',
  'libs/raft/src/state-machine/**/*.ts',
  ...librariesTagged('type:core').map((name) => `libs/${name}/src/**/*.ts`),
  'apps/*/src/domain/**/*.ts',
];

function librariesTagged(tag) {
  const libs = path.join(import.meta.dirname, 'libs');
  return readdirSync(libs).filter((name) => {
    const file = path.join(libs, name, 'package.json');
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).nx?.tags?.includes(tag);
  });
}

/** Which kinds of project a kind of project may import; `npm run lint` refuses the rest. */
const MAY_IMPORT = {
  app: ['kit', 'adapter', 'core', 'contracts', 'errors', 'observability'],
  e2e: ['contracts', 'testkit', 'kit', 'errors', 'adapter'],
  kit: ['kit', 'adapter', 'core', 'contracts', 'errors', 'observability'],
  adapter: ['core', 'contracts', 'errors', 'observability', 'adapter'],
  core: ['core', 'errors'],
  contracts: [],
  errors: ['errors'],
  observability: ['errors', 'observability'],
  testkit: [
    'testkit',
    'kit',
    'adapter',
    'core',
    'contracts',
    'errors',
    'observability',
    'tool',
    'assets',
  ],
  tool: ['contracts', 'errors', 'kit', 'adapter', 'core', 'observability'],
  assets: [],
};

function boundaries({ spec }) {
  const depConstraints = Object.entries(MAY_IMPORT).map(([type, allowed]) => ({
    sourceTag: `type:${type}`,
    onlyDependOnLibsWithTags: (spec ? [...allowed, 'testkit'] : allowed).map((to) => `type:${to}`),
  }));
  return {
    '@nx/enforce-module-boundaries': [
      'error',
      {
        allow: [],
        allowCircularSelfDependency: true,
        // Its /sdk is imported when a process runs, and nowhere else: an import that always happens is refused.
        checkDynamicDependenciesExceptions: ['@raftway/observability'],
        depConstraints,
      },
    ],
  };
}

const purity = {
  'no-restricted-imports': [
    'error',
    {
      paths: [...builtinModules.filter((name) => !name.startsWith('_')), 'ioredis', 'pino']
        .map((name) => ({ name, message: 'Core code does no I/O: take a port as a parameter.' }))
        .concat({
          name: '@raftway/raft',
          message: 'Core code does no I/O: @raftway/raft/state-machine has what it needs.',
        }),
      patterns: [
        {
          group: ['node:*', '@grpc/*', '@opentelemetry/*', 'ioredis/*', 'prom-client'],
          message: 'Core code does no I/O: take a port as a parameter.',
        },
      ],
    },
  ],
  'no-restricted-globals': [
    'error',
    ...[
      'performance',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'queueMicrotask',
      'process',
      'crypto',
      'fetch',
      'Promise',
    ].map((name) => ({ name, message: 'Core code is synchronous and takes time as a parameter.' })),
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: 'Take the time as a parameter.' },
    { object: 'Math', property: 'random', message: 'Take a random source as a parameter.' },
    ...['performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map(
      (property) => ({ object: 'globalThis', property, message: 'Take it as a parameter.' }),
    ),
  ],
  'no-restricted-syntax': [
    'error',
    { selector: ':function[async=true]', message: 'Core code is synchronous.' },
    { selector: 'AwaitExpression', message: 'Core code is synchronous.' },
    { selector: 'ForOfStatement[await=true]', message: 'Core code is synchronous.' },
    { selector: 'ImportExpression', message: 'Core code is synchronous.' },
    {
      selector: 'NewExpression[callee.name="Date"], CallExpression[callee.name="Date"]',
      message: 'Take the time as a parameter.',
    },
  ],
};

export default tseslint.config(
  {
    ignores: [
      '**/dist',
      '**/out-tsc',
      '**/node_modules',
      '**/test-results',
      '**/coverage',
      '.nx',
      '.raftway',
      'libs/contracts/src/gen',
    ],
  },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { '@nx': nx },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      ...boundaries({ spec: false }),
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: PURE, ignores: SPECS, rules: purity },
  {
    files: SPECS,
    rules: {
      ...boundaries({ spec: true }),
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  { files: ['tools/**/*.ts', 'apps/*/src/main.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'Buffer', 'URL', 'setTimeout', 'clearTimeout', 'fetch'].map(
          (name) => [name, 'readonly'],
        ),
      ),
    },
  },
  {
    files: ['**/*.{js,cjs}'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { require: 'readonly', module: 'writable', __dirname: 'readonly' },
    },
  },
  prettier,
);
