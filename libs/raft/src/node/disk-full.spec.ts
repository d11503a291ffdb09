import { entriesOf, persistOf } from '../../test/support/entries';
import { command, eventually, KeyValue } from '../../test/support/key-value';
import { MemoryFileSystem } from '../../test/support/memory-file-system';
import type { StorageError } from '../errors';
import type { RaftNode } from '../raft-node';
import { FileStorage } from '../storage/file-storage';
import { MemoryNetwork } from '../transport/memory-network';
import { createRaftNode } from './create-raft-node';

function storageOn(disk: MemoryFileSystem, segmentBytes = 10_000): FileStorage {
  const acquireLock = () => () => undefined;
  const node = { directory: '/data', nodeId: 1, clusterId: 'c' };
  return new FileStorage({ ...node, fileSystem: disk, acquireLock, segmentBytes });
}

function fill(disk: MemoryFileSystem, calls = 'write /data/wal'): void {
  disk.failWith = 'ENOSPC';
  disk.failOn = (call) => call.startsWith(calls);
}

function makeRoom(disk: MemoryFileSystem): void {
  disk.failOn = undefined;
}

describe('a log on a full disk', () => {
  it.each([
    ['in a segment', 10_000, 'write /data/wal'],
    ['where a new segment begins', 100, 'write /data/wal'],
    ['where a new segment’s file is made', 100, 'create /data/wal'],
  ])('keeps nothing of what it refuses, %s, and takes it when there is room', async (...row) => {
    const [, segmentBytes, calls] = row;
    const disk = new MemoryFileSystem();
    const storage = storageOn(disk, segmentBytes);
    await storage.open();
    await storage.persist(persistOf(1, { entries: entriesOf(1, 3) }));
    fill(disk, calls);
    const refused = persistOf(2, { entries: entriesOf(4, 5) });

    for (let attempt = 0; attempt < 2; attempt++) {
      const failure = await storage.persist(refused).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'noSpace', fatal: false });
      expect((failure as StorageError).remedy).toContain('Make room');
    }
    expect((await storageOn(disk.clone()).open()).entries.length).toBe(3);

    makeRoom(disk);
    await storage.persist(refused);
    disk.crash();
    expect((await storageOn(disk).open()).entries.length).toBe(5);
  });

  it('is broken for good when the sync says so: it may be about pages that were written before', async () => {
    const disk = new MemoryFileSystem();
    const storage = storageOn(disk);
    await storage.open();
    await storage.persist(persistOf(1, { entries: entriesOf(1, 3) }));
    fill(disk, 'sync /data/wal');
    const write = storage.persist(persistOf(2, { entries: entriesOf(4, 5) }));
    await expect(write).rejects.toMatchObject({ code: 'io', fatal: true });
  });
});

describe('a replica on a full disk', () => {
  it('refuses commands when it leads, acknowledges nothing, and goes on when there is room', async () => {
    const disk = new MemoryFileSystem();
    const network = new MemoryNetwork();
    const fatal: string[] = [];
    const errors: string[] = [];
    const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };
    const node: RaftNode<string> = createRaftNode({
      id: 1,
      clusterId: 'c',
      peers: [{ id: 1, address: 'memory:1' }],
      stateMachine: new KeyValue(),
      heartbeatIntervalMs: 10,
      electionTimeoutMs: 100,
      storage: storageOn(disk),
      transport: () => network.endpoint(1),
      logger: { ...quiet, error: (message) => errors.push(message) },
      onFatal: (error) => fatal.push(error.message),
    });
    await node.start();
    await eventually('it leads', () => node.status().role === 'leader');
    await node.propose(command('set a 1'));
    fill(disk);

    const caught = node.propose(command('set b 1'), { timeoutMs: 10_000 });
    await eventually('it notices', () => errors.length === 1);
    const refused = await node.propose(command('set c 1')).catch((error: unknown) => error);

    expect(refused).toMatchObject({ code: 'queueFull', hadNoEffect: true });
    expect(errors).toEqual(['the disk is full: this replica acknowledges nothing']);
    expect(node.status().diskFull).toBe(true);
    makeRoom(disk);
    expect((await caught).result).toBe('1');
    expect(node.status().diskFull).toBe(false);
    expect((await node.propose(command('set d 1'))).result).toBe('1');
    expect(fatal).toEqual([]);
    await node.stop();
  });

  it('can be stopped while it waits for room', async () => {
    const disk = new MemoryFileSystem();
    const network = new MemoryNetwork();
    fill(disk);
    const node: RaftNode<string> = createRaftNode({
      id: 1,
      clusterId: 'c',
      peers: [{ id: 1, address: 'memory:1' }],
      stateMachine: new KeyValue(),
      storage: storageOn(disk),
      transport: () => network.endpoint(1),
    });
    await node.start();
    await eventually('it has tried', () =>
      disk.calls.some((call) => call.startsWith('write /data/wal')),
    );
    await node.stop();
    expect(node.isReady()).toBe(false);
  });
});
