import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { entryOf, persistOf } from '../../test/support/entries';
import { KeyValue } from '../../test/support/key-value';
import { DeduplicatedStateMachine } from '../client-sessions/deduplicated-state-machine';
import { ENTRY_VERSION } from '../core';
import { StorageError } from '../errors';
import { crc32c } from './crc32c';
import { FileStorage } from './file-storage';
import { decodeMeta, encodeMeta } from './meta-file';

/** Every file of a data directory, and its bytes. */
type Contents = Readonly<Record<string, string>>;

/** docs/guides/upgrade-without-downtime.md: what an older release says when it meets what a newer one wrote. */
describe('a data directory of a newer release', () => {
  let directory: string;

  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raftway-newer-'));
    const storage = open();
    await storage.open();
    await storage.persist(persistOf(1, { entries: [entryOf(1, 1), entryOf(2, 1)] }));
    await storage.saveSnapshot(
      {
        ...{ lastIncludedIndex: 1, lastIncludedTerm: 1, stampMs: 0 },
        configuration: { clusterId: 'c', members: [] },
      },
      Buffer.from('state'),
    );
    await storage.close();
  });

  afterEach(() => fs.rmSync(directory, { recursive: true }));

  function open(): FileStorage {
    return new FileStorage({ directory, nodeId: 1, clusterId: 'c' });
  }

  function fileIn(folder: string): string {
    const [name = ''] = fs.readdirSync(path.join(directory, folder));
    return path.join(directory, folder, name);
  }

  function change(file: string, work: (bytes: Buffer) => void): void {
    const bytes = fs.readFileSync(file);
    work(bytes);
    fs.writeFileSync(file, bytes);
  }

  function contents(): Contents {
    const files = fs.readdirSync(directory, { recursive: true, withFileTypes: true });
    const paths = files
      .filter((one) => one.isFile())
      .map((one) => path.join(one.parentPath, one.name));
    return Object.fromEntries(paths.map((one) => [one, fs.readFileSync(one).toString('hex')]));
  }

  async function refusal(): Promise<string> {
    const before = contents();
    const failure = await open()
      .open()
      .then(
        () => new Error('it was opened'),
        (error: unknown) => error as Error,
      );
    expect(failure).toBeInstanceOf(StorageError);
    // Refused, and left as it is for the release that wrote it.
    expect(contents()).toEqual(before);
    return failure.message;
  }

  it('opens as long as nothing in it is newer', async () => {
    const storage = open();
    expect((await storage.open()).entries).toHaveLength(2);
    await storage.close();
  });

  it('is refused by the format of the file that names the node', async () => {
    const file = path.join(directory, 'meta.json');
    const meta = decodeMeta(file, fs.readFileSync(file));
    fs.writeFileSync(file, encodeMeta({ ...meta, formatVersion: 2 }));

    expect(await refusal()).toContain(
      'data directory format 2 is not understood. Run the version that wrote it, or a newer one',
    );
  });

  it('is refused by the format of its log', async () => {
    change(fileIn('wal'), (bytes) => {
      bytes.writeUInt32LE(3, 8);
      bytes.writeUInt32LE(crc32c(bytes.subarray(0, 40)), 40);
    });

    expect(await refusal()).toContain(
      'log format 3 is not understood. Run the version that wrote it, or a newer one',
    );
  });

  it('is refused by the version of an entry', async () => {
    const storage = open();
    await storage.open();
    const newer = { ...entryOf(3, 1), version: ENTRY_VERSION + 1 };
    await storage.persist(persistOf(2, { entries: [newer] }));
    await storage.close();

    const message = await refusal();

    expect(message).toContain(`entry version ${ENTRY_VERSION + 1} is not understood`);
    expect(message).toContain('Run the version that wrote it, or a newer one');
  });

  it('is refused by the format of its snapshot', async () => {
    change(fileIn('snapshots'), (bytes) => void bytes.writeUInt32LE(4, 8));

    const message = await refusal();

    expect(message).toContain('snapshot format 4 is not understood, only 1 to 3');
    expect(message).toContain('if a newer version wrote it, start that one');
  });

  it('is refused by the format of the state in its snapshot', () => {
    const machine = new DeduplicatedStateMachine(new KeyValue());

    expect(() => machine.restore(Buffer.of(5, 0, 0))).toThrow(
      'state machine snapshot format 5 is not understood',
    );
  });
});
