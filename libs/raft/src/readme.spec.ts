import * as fs from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import { compileFunction } from 'node:vm';
import { freePorts } from '../test/support/ports';
import * as library from '.';

const README = path.join(__dirname, '..', 'README.md');

type Run = (directory: string, ports: readonly number[]) => Promise<number[]>;

function exampleOf(readme: string): string {
  const [, code] = /<!-- example -->\n+```ts\n(.*?)```/s.exec(readme) ?? [];
  if (code === undefined) throw new Error('the README has no example');
  return code;
}

/** The example as a function, its imports taken from the library's source. */
function load(code: string): Run {
  const body = stripTypeScriptTypes(code)
    .replace(/^import (\{[^}]*\}) from '@raftway\/raft';$/gm, 'const $1 = library;')
    .replace(/^export /gm, '');
  const make = compileFunction(`${body}\nreturn run;`, ['library', 'Buffer']) as (
    ...parts: unknown[]
  ) => Run;
  return make(library, Buffer);
}

describe('the example in the README', () => {
  const example = exampleOf(fs.readFileSync(README, 'utf8'));
  let directory: string;

  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-readme-'));
  });

  afterEach(() => fs.rmSync(directory, { recursive: true }));

  it('replicates a state machine over gRPC and disks, and counts a repeated request once', async () => {
    const run = load(example);

    expect(await run(directory, await freePorts(3))).toEqual([2, 2, 2]);
  });

  it('goes on from its disks when it is run again', async () => {
    const run = load(example);
    await run(directory, await freePorts(3));

    // The same request ids: nothing counts again.
    expect(await run(directory, await freePorts(3))).toEqual([2, 2, 2]);
  });

  it('has no more than 40 lines of code', () => {
    const lines = example.split('\n').filter((line) => !/^\s*(\/\/.*|\/\*\*.*)?$/.test(line));

    expect(lines.length).toBeLessThanOrEqual(40);
  });
});
