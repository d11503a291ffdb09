import { silentLogger } from '@raftway/observability';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { routeTo } from '../../test/support/document-gateway';
import { eventually } from '../../test/support/harness';
import { type DocumentSet } from '../domain/documents';
import { DocumentFiles } from './document-files';
import { LiveDocuments } from './live-documents';

let directory: string;
let files: DocumentFiles | undefined;
let sets: DocumentSet[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'raftway-document-files-'));
  sets = [];
});

afterEach(async () => {
  await files?.stop();
  rmSync(directory, { recursive: true });
});

async function follow(path = directory): Promise<void> {
  files = new DocumentFiles(path, (set) => sets.push(set), silentLogger());
  await files.start();
}

/** Names of the newest set's documents. */
function names(): string[] | undefined {
  return sets.at(-1)?.documents.map(({ document }) => document.metadata.name);
}

function seen(...expected: string[]): Promise<void> {
  // Sooner than everything is looked at without a notification.
  return eventually(
    () => names()?.join() === expected.join(),
    `documents ${expected.join()}`,
    5000,
  );
}

/** Puts a file in its place as a whole. */
function put(name: string, text: string): void {
  writeFileSync(join(directory, `${name}.new`), text);
  renameSync(join(directory, `${name}.new`), join(directory, name));
}

describe('documents from files', () => {
  it('are there after the start, in the order of names, without files of other kinds', async () => {
    put('b.json', JSON.stringify({ kind: 'none' }));
    put('a.yaml', `${routeTo('x', 'one')}---${routeTo('x', 'two')}`);
    put('.hidden.yaml', routeTo('x', 'hidden'));
    put('notes.txt', 'none');

    await follow();

    expect(names()).toEqual(['one', 'two']);
    expect(sets[0]?.problems.map(({ where }) => where)).toEqual([join(directory, 'b.json:1')]);
  });

  it('are there and followed when they are more than are looked at at once', async () => {
    const all = Array.from({ length: 150 }, (_, number) => `r${number + 100}`);
    mkdirSync(join(directory, 'v1'));
    for (const name of all) {
      writeFileSync(join(directory, 'v1', `${name}.yaml`), routeTo('x', name));
      symlinkSync(join('..data', `${name}.yaml`), join(directory, `${name}.yaml`));
    }
    symlinkSync('v1', join(directory, '..data'));
    await follow();
    expect(names()).toEqual(all);

    writeFileSync(join(directory, 'v1', 'r240.yaml'), routeTo('x', 'other'));
    put('notes.txt', 'none');

    await seen(...all.with(140, 'other'));
  });

  it('come, change and go with files of a directory', async () => {
    await follow();
    expect(names()).toEqual([]);

    put('a.yaml', routeTo('x', 'one'));
    await seen('one');
    put('b.yml', routeTo('x', 'two'));
    await seen('one', 'two');
    writeFileSync(join(directory, 'a.yaml'), routeTo('x', 'three'));
    await seen('three', 'two');
    unlinkSync(join(directory, 'a.yaml'));
    await seen('two');
    put('a.yaml', routeTo('x', 'four'));
    await seen('four', 'two');
  });

  it('are looked at when they are notified themselves', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'raftway-document-files-'));
    writeFileSync(join(outside, 'a'), routeTo('x', 'one'));
    linkSync(join(outside, 'a'), join(directory, 'a.yaml'));
    await follow();

    // Nobody notifies a change that was made by a name outside the directory.
    writeFileSync(join(outside, 'a'), routeTo('x', 'three'));
    put('b.yaml', routeTo('x', 'two'));

    await seen('one', 'two');
    rmSync(outside, { recursive: true });
  });

  it('are no new set when a file is written with what it had', async () => {
    put('a.yaml', routeTo('x', 'one'));
    await follow();

    put('a.yaml', routeTo('x', 'one'));
    // Longer than it takes to notice it: noticed together with the next one it would be no set of its own in any case.
    await setTimeout(100);
    put('b.yaml', routeTo('x', 'two'));
    await seen('one', 'two');

    expect(sets).toHaveLength(2);
  });

  it('follow one file that is replaced', async () => {
    put('a.yaml', routeTo('x', 'one'));
    await follow(join(directory, 'a.yaml'));
    put('b.yaml', routeTo('x', 'neighbour'));

    put('a.yaml', routeTo('x', 'two'));

    await seen('two');
    expect(sets).toHaveLength(2);
  });

  it('follow a mounted ConfigMap, whose files hang from one link', async () => {
    for (const [version, name] of Object.entries({ v1: 'one', v2: 'two' })) {
      mkdirSync(join(directory, version));
      writeFileSync(join(directory, version, 'a.yaml'), routeTo('x', name));
    }
    symlinkSync('v1', join(directory, '..data'));
    symlinkSync(join('..data', 'a.yaml'), join(directory, 'a.yaml'));
    await follow();
    expect(names()).toEqual(['one']);

    symlinkSync('v2', join(directory, '..data.new'));
    renameSync(join(directory, '..data.new'), join(directory, '..data'));

    await seen('two');
  });

  it('that cannot be read are a problem for as long as they are there', async () => {
    put('a.yaml', routeTo('x', 'one'));
    symlinkSync('loop.yaml', join(directory, 'loop.yaml'));
    await follow();

    put('b.yaml', routeTo('x', 'two'));
    await seen('one', 'two');
    const during = sets.map(({ problems }) => problems.map(({ where }) => where));
    unlinkSync(join(directory, 'loop.yaml'));
    await eventually(() => sets.at(-1)?.problems.length === 0, 'no problem');

    expect(during).toEqual([[join(directory, 'loop.yaml')], [join(directory, 'loop.yaml')]]);
  });

  it('that are not there at all are a problem, not an empty set', async () => {
    await follow(join(directory, 'none'));

    expect(sets[0]?.problems).toEqual([
      { where: join(directory, 'none'), message: expect.stringContaining('ENOENT') as string },
    ]);
  });
});

describe('a gateway that is to have documents', () => {
  it('is unready until a set can be used, says why, and stays ready when a later one cannot', async () => {
    const path = join(directory, 'a.yaml');
    const results: boolean[] = [];
    const documents = new LiveDocuments({
      source: { kind: 'files', path },
      config: undefined,
      logger: silentLogger(),
      onSet: (used) => results.push(used),
    });
    put('a.yaml', 'kind: GRPCRuote');
    const unread = documents.unreadyBecause;
    await documents.start();
    const refused = documents.unreadyBecause;

    put('a.yaml', routeTo('x'));
    await eventually(() => results.length === 2, 'the second set');
    put('a.yaml', 'kind: GRPCRuote');
    await eventually(() => results.length === 3, 'the third set');
    await documents.stop();

    expect(unread).toBe('documents: not read yet');
    expect(refused).toContain(`documents: ${path}:1 unknown kind "GRPCRuote"`);
    expect(results).toEqual([false, true, false]);
    expect(documents.unreadyBecause).toBeUndefined();
    expect(documents.table.problems).toHaveLength(1);
    expect(documents.table.current?.sources).toHaveLength(1);
  });
});
