import * as fs from 'node:fs';
import * as path from 'node:path';
import { GrpcCluster } from '../../test/support/grpc-cluster';
import { command, eventually, KeyValue } from '../../test/support/key-value';
import { createRaftNode } from '../node/create-raft-node';
import type { ReturnFromBackup } from '../state-machine';
import { type FileSystem, nodeFileSystem } from '../storage/file-system';
import { restoreGroup, type RestoreOptions } from './restore-group';

const GAP = 1_000_000;

/** A group with real files and sockets, a backup of it, and the places of a second group. */
describe('restoring a group from a backup', () => {
  let old: GrpcCluster;
  let restored: GrpcCluster;
  let file: string;
  let backupIndex: number;
  const returns: ReturnFromBackup[] = [];

  beforeEach(async () => {
    returns.length = 0;
    (KeyValue.prototype as { returnFromBackup?: unknown }).returnFromBackup = (
      back: ReturnFromBackup,
    ) => void returns.push(back);
    old = await GrpcCluster.start(3);
    restored = await GrpcCluster.start(0, { clusterId: 'restored' }, 3);
    const leader = await old.leader();
    await leader.propose(command('set a 1'), { requestId: 'first' });
    const { index } = await leader.propose(command('set b 2'));
    backupIndex = index;
    file = path.join(restored.directory, 'backup');
    await save((leader.id % 3) + 1);
  });

  afterEach(async () => {
    delete (KeyValue.prototype as { returnFromBackup?: unknown }).returnFromBackup;
    await old.stop();
    await restored.stop();
  });

  async function save(id: number): Promise<void> {
    const pieces: Uint8Array[] = [];
    const request = { service: 'kv', version: '0.1.0', takenAtMs: 5 };
    for await (const piece of await old.node(id).backup(request)) pieces.push(piece);
    fs.writeFileSync(file, Buffer.concat(pieces));
  }

  function restore(changes: Partial<RestoreOptions> = {}) {
    const members = restored.ids.map((id) => ({
      id,
      address: restored.address(id),
      directory: restored.dataDir(id),
    }));
    return restoreGroup({
      ...{ file, members, clusterId: 'restored', indexGap: GAP, sequenceGap: 7n },
      restoredAtMs: 9,
      ...changes,
    });
  }

  async function start(): Promise<void> {
    await Promise.all(restored.ids.map((id) => restored.startNode(id)));
  }

  it('the new group has everything that was acknowledged before the backup, and takes writes far above it', async () => {
    const done = await restore();
    await start();
    const { index } = await (await restored.leader()).propose(command('set c 3'));

    expect(done.index).toBe(backupIndex + GAP);
    expect(index).toBeGreaterThan(backupIndex + GAP);
    await eventually('all have it', () =>
      [...restored.machines.values()].every(({ values }) => values.get('c') === '3'),
    );
    for (const { values } of restored.machines.values()) {
      expect(Object.fromEntries(values)).toEqual({ a: '1', b: '2', c: '3' });
    }
  });

  it('every replica is told once how it came back, and a restart tells it the same again', async () => {
    await restore();
    await start();
    await restored.leader();
    await restored.stopNode(2);
    await restored.startNode(2);

    const told = {
      index: backupIndex + GAP,
      nowMs: returns[0]?.nowMs,
      indexGap: GAP,
      sequenceGap: 7n,
      takenAtMs: 5,
      restoredAtMs: 9,
    };
    expect(returns).toEqual([told, told, told, told]);
  });

  it('after a snapshot of its own the new group is as any other, for a server that is added, too', async () => {
    await restore();
    await start();
    const leader = await restored.leader();
    await leader.propose(command('set c 3'));
    await leader.takeSnapshot();
    await restored.stopNode(leader.id);
    returns.length = 0;
    const node = await restored.startNode(leader.id);

    await node.readBarrier();

    expect(returns).toEqual([]);
    expect(Object.fromEntries(restored.machines.get(leader.id)?.values ?? [])).toEqual({
      ...{ a: '1', b: '2', c: '3' },
    });
  });

  it('a retry of a request from before the backup is still recognised', async () => {
    await restore();
    await start();
    const leader = await restored.leader();

    await leader.propose(command('set a 9'), { requestId: 'first' });

    expect(restored.machines.get(leader.id)?.values.get('a')).toBe('1');
  });

  it('a replica of the old group is refused by those that took its peers’ places', async () => {
    const members = old.ids.map((id) => {
      return { id, address: old.address(id), directory: restored.dataDir(id) };
    });
    await restore({ members });
    await Promise.all([2, 3].map((id) => old.stopNode(id)));
    const nodes = [2, 3].map((id) =>
      createRaftNode({
        ...{ id, clusterId: 'restored', dataDir: restored.dataDir(id) },
        ...{ heartbeatIntervalMs: 25, electionTimeoutMs: 250, stateMachine: new KeyValue() },
        peers: [{ id, address: old.address(id) }],
      }),
    );
    for (const node of nodes) await node.start();
    await eventually('the new group leads itself', () =>
      nodes.some((node) => node.status().role === 'leader'),
    );
    await nodes[0]?.propose(command('set c 3'));

    await eventually('the old replica is refused', () =>
      old.logs.some(
        ({ message, fields }) =>
          message === 'peer refuses this server' && JSON.stringify(fields).includes('restored'),
      ),
    );
    expect(old.machines.get(1)?.values.has('c')).toBe(false);
    expect(old.node(1).status().role).not.toBe('leader');
    await Promise.all(nodes.map((node) => node.stop()));
    // Nor does the old directory start under the new group's name.
    await old.stopNode(1);
    fs.cpSync(old.dataDir(1), restored.dataDir(4), { recursive: true });
    const stray = createRaftNode({
      ...{ id: 1, clusterId: 'restored', dataDir: restored.dataDir(4) },
      ...{ peers: [{ id: 1, address: old.address(1) }], stateMachine: new KeyValue() },
    });
    await expect(stray.start()).rejects.toThrow('belongs to node 1 of cluster "grpc"');
  });

  it('the cluster id has to be new', async () => {
    await expect(restore({ clusterId: 'grpc' })).rejects.toThrow(
      '"grpc" is the cluster id of the group of the backup. Choose a new one',
    );
    expect(fs.existsSync(restored.dataDir(1))).toBe(false);
  });

  it('a damaged backup changes nothing', async () => {
    const bytes = fs.readFileSync(file);
    bytes[bytes.length - 50] = (bytes[bytes.length - 50] as number) ^ 1;
    fs.writeFileSync(file, bytes);

    await expect(restore()).rejects.toThrow('Use another backup, or another copy of this one');
    expect(restored.ids.map((id) => fs.existsSync(restored.dataDir(id)))).toEqual([
      ...[false, false, false],
    ]);
  });

  it('a directory that is not empty is refused, and none of the others is made', async () => {
    fs.mkdirSync(restored.dataDir(3));
    fs.writeFileSync(path.join(restored.dataDir(3), 'something'), '');

    await expect(restore()).rejects.toThrow('this directory is not empty: it has something');
    expect(fs.existsSync(restored.dataDir(1))).toBe(false);
    expect(fs.readdirSync(restored.dataDir(3))).toEqual(['something']);
  });

  it('a full disk leaves nothing behind', async () => {
    let writes = 0;
    const full: FileSystem = {
      ...nodeFileSystem,
      async open(name) {
        const opened = await nodeFileSystem.open(name);
        return {
          ...opened,
          write: (bytes, position) => {
            writes += 1;
            const error = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
            return writes > 8 ? Promise.reject(error) : opened.write(bytes, position);
          },
        };
      },
    };

    await expect(restore({ fileSystem: full })).rejects.toThrow(/disk is full|no space/);
    expect(restored.ids.map((id) => fs.existsSync(restored.dataDir(id)))).toEqual([
      ...[false, false, false],
    ]);
  });

  it('what a crash in the middle leaves does not start, and is not restored over', async () => {
    await restore();
    // As it is before the last move: everything is there but what says that it is whole.
    fs.mkdirSync(path.join(restored.dataDir(1), 'restoring'));

    await expect(restored.startNode(1)).rejects.toThrow(
      'a restore into this directory was not finished. Remove what is in the directory',
    );
    await expect(restore()).rejects.toThrow('an earlier restore into this directory');
  });
});
