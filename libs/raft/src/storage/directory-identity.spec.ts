import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FileStorage } from './file-storage';
import { clusterIdOf, nodeIdOf } from './directory-identity';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'raftway-node-id-'));
});

afterEach(() => rm(directory, { recursive: true }));

describe('a data directory', () => {
  it('says whose it is once it was opened, and is nobody’s before', async () => {
    expect(nodeIdOf(directory)).toBeUndefined();
    expect(nodeIdOf(path.join(directory, 'missing'))).toBeUndefined();
    expect(clusterIdOf(directory)).toBeUndefined();

    const storage = new FileStorage({ directory, nodeId: 1004, clusterId: 'c' });
    await storage.open();
    await storage.close();

    expect(nodeIdOf(directory)).toBe(1004);
    expect(clusterIdOf(directory)).toBe('c');
  });

  it('that is damaged is not taken for an empty one', async () => {
    await writeFile(path.join(directory, 'meta.json'), '{}');
    expect(() => nodeIdOf(directory)).toThrow('damaged');
    // Whoever asks for this opens it next.
    expect(clusterIdOf(directory)).toBeUndefined();
  });
});
