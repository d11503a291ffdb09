import type * as NodeFs from 'node:fs';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { entriesOf, persistOf } from '../../test/support/entries';
import { FileStorage } from './file-storage';
import { nodeFileSystem, replaceFile } from './file-system';

describe('files of the operating system', () => {
  let directory: string;
  let datasync: jest.SpyInstance;
  let sync: jest.SpyInstance<Promise<void>>;

  beforeEach(async () => {
    directory = await fs.mkdtemp(path.join(os.tmpdir(), 'raft-files-'));
    const handle = await fs.open(path.join(directory, 'probe'), 'w');
    const methods = Object.getPrototypeOf(handle) as fs.FileHandle;
    await handle.close();
    datasync = jest.spyOn(jest.requireActual<typeof NodeFs>('node:fs'), 'fdatasync');
    sync = jest.spyOn(methods, 'sync');
  });

  afterEach(async () => {
    datasync.mockRestore();
    sync.mockRestore();
    await fs.rm(directory, { recursive: true });
  });

  it('are synced by the kernel once for every batch before it is acknowledged', async () => {
    const storage = new FileStorage({ directory, nodeId: 1, clusterId: 'c' });
    await storage.open();
    await storage.persist(persistOf(1, { entries: entriesOf(1, 1) }));
    const [segment] = await fs.readdir(path.join(directory, 'wal'));
    const sizeOf = async () => (await fs.stat(path.join(directory, 'wal', String(segment)))).size;
    const size = await sizeOf();
    for (let batch = 2; batch <= 5; batch++) {
      datasync.mockClear();
      await storage.persist(persistOf(batch, { entries: entriesOf(batch, batch) }));
      expect(datasync).toHaveBeenCalledTimes(1);
    }
    // A new size would be one more thing for the disk to write down in each sync.
    expect(await sizeOf()).toBe(size);
    await storage.close();

    const again = new FileStorage({ directory, nodeId: 1, clusterId: 'c' });
    expect((await again.open()).entries.length).toBe(5);
    await again.close();
  });

  it('are replaced as a whole: contents synced, then the name, then the directory', async () => {
    const file = path.join(directory, 'file');
    await replaceFile(nodeFileSystem, file, [Buffer.from('a'), Buffer.from('b')]);

    expect(await fs.readFile(file, 'utf8')).toBe('ab');
    expect(datasync).toHaveBeenCalledTimes(1);
    expect(sync).toHaveBeenCalledTimes(1);
    expect(await fs.readdir(directory)).not.toContain('file.tmp');
  });

  it('are written whole, at the position that was asked for', async () => {
    const file = path.join(directory, 'file');
    const opened = await nodeFileSystem.open(file);
    await opened.write(Buffer.alloc(1_000_000, 1), 0);
    await opened.write(Buffer.alloc(10, 2), 5);
    await opened.truncate(20);
    await opened.close();

    const contents = await fs.readFile(file);
    expect([...contents]).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1]);
  });
});
