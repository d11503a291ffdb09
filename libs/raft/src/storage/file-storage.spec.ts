import { entriesOf, entryOf, persistOf, plain } from '../../test/support/entries';
import { MemoryFileSystem } from '../../test/support/memory-file-system';
import type { SnapshotMetadata } from '../core';
import { StorageError } from '../errors';
import { FileStorage, type FileStorageOptions } from './file-storage';
import { endOfContents } from './wal/tail';

const NODE = { directory: '/data', nodeId: 1, clusterId: 'c' } as const;

function open(disk: MemoryFileSystem, options: Partial<FileStorageOptions> = {}): FileStorage {
  return new FileStorage({
    ...NODE,
    fileSystem: disk,
    acquireLock: () => () => undefined,
    segmentBytes: 10_000,
    ...options,
  });
}

function snapshotOf(index: number, term = 1): SnapshotMetadata {
  return {
    lastIncludedIndex: index,
    lastIncludedTerm: term,
    stampMs: index * 10,
    configuration: { clusterId: 'c', members: [{ id: 1, address: 'a:1', voter: true }] },
  };
}

async function failureOf(promise: Promise<unknown>): Promise<StorageError> {
  const failure = await promise.then(
    () => new Error('nothing failed'),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(StorageError);
  return failure as StorageError;
}

/** Three batches: hard state and entries 1–3, entries 4–5, entries 6–8 with a newer hard state. */
async function threeBatches(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const storage = open(disk);
  await storage.open();
  const hardState = { currentTerm: 1, votedFor: 2, commitIndex: 0 };
  await storage.persist(persistOf(1, { hardState, entries: entriesOf(1, 3) }));
  await storage.persist(persistOf(2, { entries: entriesOf(4, 5) }));
  const newer = { currentTerm: 2, votedFor: 3, commitIndex: 5 };
  await storage.persist(persistOf(3, { hardState: newer, entries: entriesOf(6, 8, 2) }));
  await storage.close();
  return disk;
}

/** Where each batch begins, from the magic numbers, and where the last one ends: behind it there are zeros. */
function batchOffsets(disk: MemoryFileSystem): { file: string; offsets: number[]; size: number } {
  const [file] = disk.files('/data/wal') as [string];
  let contents: Buffer = Buffer.alloc(0);
  disk.edit(file, (bytes) => (contents = bytes));
  const offsets: number[] = [];
  for (let at = contents.indexOf('RWF1'); at !== -1; at = contents.indexOf('RWF1', at + 1)) {
    offsets.push(at);
  }
  return { file, offsets, size: endOfContents(contents, 0) };
}

describe('file storage', () => {
  it('is empty at first, and yields what was written after a restart', async () => {
    const disk = new MemoryFileSystem();
    const first = open(disk);
    expect(await first.open()).toMatchObject({ empty: true, entries: [], snapshot: undefined });
    await first.close();

    const recovered = await open(await threeBatches()).open();

    expect(recovered.empty).toBe(false);
    expect(recovered.hardState).toEqual({ currentTerm: 2, votedFor: 3, commitIndex: 5 });
    expect(plain(recovered.entries)).toEqual(plain([...entriesOf(1, 5), ...entriesOf(6, 8, 2)]));
  });

  it('cuts the log where a later entry has an earlier one’s index', async () => {
    const disk = await threeBatches();
    const storage = open(disk);
    await storage.open();
    await storage.persist(persistOf(4, { entries: [entryOf(5, 3), entryOf(6, 3)] }));

    const { entries } = await open(disk).open();

    expect(plain(entries)).toEqual(plain([...entriesOf(1, 4), entryOf(5, 3), entryOf(6, 3)]));
  });

  it('keeps its incarnation and its peers’ over restarts, and draws a new one on a new disk', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk);
    const { incarnationId } = await storage.open();
    await storage.rememberPeer(2, 'two');
    await storage.rememberPeer(3, 'three');

    const again = await open(disk).open();

    expect(again.incarnationId).toBe(incarnationId);
    expect([...again.peerIncarnations]).toEqual([
      [2, 'two'],
      [3, 'three'],
    ]);
    expect((await open(new MemoryFileSystem()).open()).incarnationId).not.toBe(incarnationId);
  });

  it('refuses a directory of another node or cluster', async () => {
    const disk = await threeBatches();

    const node = await failureOf(open(disk, { nodeId: 2 }).open());
    const cluster = await failureOf(open(disk, { clusterId: 'other' }).open());

    expect(node.code).toBe('foreign');
    expect(node.message).toContain('belongs to node 1 of cluster "c", not to node 2 of "c"');
    expect(cluster.code).toBe('foreign');
  });

  it('does not write for a commit index alone', async () => {
    const disk = await threeBatches();
    const storage = open(disk);
    await storage.open();
    const before = disk.calls.length;

    const hardState = { currentTerm: 2, votedFor: 3, commitIndex: 8 };
    await storage.persist(persistOf(4, { hardState }));

    expect(disk.calls.length).toBe(before);
  });
});

describe('a crash at the end of the log', () => {
  it('cuts the last batch wherever the write stopped, and goes on from there', async () => {
    const whole = await threeBatches();
    const { file, offsets, size } = batchOffsets(whole);
    const last = offsets.at(-1) as number;
    for (let cut = last; cut < size; cut++) {
      const disk = whole.clone();
      disk.edit(file, (contents) => contents.subarray(0, cut));
      const storage = open(disk);

      const { entries, hardState } = await storage.open();

      expect(entries.map(({ index }) => index)).toEqual([1, 2, 3, 4, 5]);
      expect(hardState.currentTerm).toBe(1);
      await storage.persist(persistOf(4, { entries: entriesOf(6, 7, 3) }));
      const again = await open(disk).open();
      expect(again.entries.map(({ term }) => term)).toEqual([1, 1, 1, 1, 1, 3, 3]);
    }
  });

  it('cuts the last batch whatever bit of it is wrong, and never yields a wrong entry', async () => {
    const whole = await threeBatches();
    const { file, offsets, size } = batchOffsets(whole);
    for (let at = offsets.at(-1) as number; at < size; at++) {
      const disk = whole.clone();
      disk.edit(file, (contents) => {
        contents[at] = (contents[at] as number) ^ (1 << (at % 8));
        return contents;
      });
      const { entries } = await open(disk).open();
      expect(plain(entries)).toEqual(plain(entriesOf(1, 5)));
    }
  });

  it('cuts a last batch of which only later pages reached the disk', async () => {
    const whole = await threeBatches();
    const { file, offsets, size } = batchOffsets(whole);
    const last = offsets.at(-1) as number;
    for (let hole = last; hole < size; hole += 16) {
      const disk = whole.clone();
      disk.edit(file, (contents) => contents.fill(0, hole, Math.min(hole + 16, size)));
      expect((await open(disk).open()).entries.length).toBe(5);
    }
  });

  it('survives a stop anywhere in the creation of a segment', async () => {
    const whole = new MemoryFileSystem();
    const storage = open(whole, { segmentBytes: 400 });
    await storage.open();
    await storage.persist(persistOf(1, { entries: entriesOf(1, 5) }));
    await storage.persist(persistOf(2, { entries: entriesOf(6, 10) }));
    const [, second] = whole.files('/data/wal') as [string, string];
    for (let cut = 0; cut < 48; cut++) {
      const disk = whole.clone();
      disk.edit(second, (contents) => contents.subarray(0, cut));
      const restarted = open(disk, { segmentBytes: 400 });
      expect((await restarted.open()).entries.length).toBe(5);
      await restarted.persist(persistOf(3, { entries: entriesOf(6, 7, 2) }));
      expect((await open(disk).open()).entries.length).toBe(7);
    }
  });
});

describe('damage before the end of the log', () => {
  it('is refused at every byte of an earlier batch, with file, offset and remedy', async () => {
    const whole = await threeBatches();
    const { file, offsets } = batchOffsets(whole);
    const [, from, to] = offsets as [number, number, number];
    for (let at = from; at < to; at++) {
      const disk = whole.clone();
      disk.edit(file, (contents) => {
        contents[at] = (contents[at] as number) ^ 0x10;
        return contents;
      });
      const failure = await failureOf(open(disk).open());
      expect(failure.code).toBe('damaged');
      expect(failure).toMatchObject({ file, offset: from });
      expect(failure.remedy).toContain('Do not delete it');
    }
  });

  it('is refused without a change when nothing good is left: whoever mends the file finds it as it was', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk);
    await storage.open();
    await storage.persist(persistOf(1, { entries: entriesOf(1, 3) }));
    await storage.close();
    const { file, offsets } = batchOffsets(disk);
    const flip = (contents: Buffer): Buffer => {
      const at = (offsets[0] as number) + 60;
      contents[at] = (contents[at] as number) ^ 0x10;
      return contents;
    };
    disk.edit(file, flip);
    const damaged = await disk.read(file);

    const failure = await failureOf(open(disk).open());

    expect(failure.message).toContain('its log is gone');
    expect((await disk.read(file)).equals(damaged)).toBe(true);
    disk.edit(file, flip);
    expect((await open(disk).open()).entries.length).toBe(3);
  });

  it('is refused in the header of a segment with batches in it', async () => {
    const whole = await threeBatches();
    const { file } = batchOffsets(whole);
    for (let at = 0; at < 44; at++) {
      const disk = whole.clone();
      disk.edit(file, (contents) => {
        contents[at] = (contents[at] as number) ^ 0x10;
        return contents;
      });
      expect((await failureOf(open(disk).open())).code).toBe('damaged');
    }
  });

  it('is refused when a segment in the middle is missing, cut or exchanged', async () => {
    const whole = new MemoryFileSystem();
    const storage = open(whole, { segmentBytes: 400 });
    await storage.open();
    for (let batch = 0; batch < 4; batch++) {
      const entries = entriesOf(batch * 5 + 1, batch * 5 + 5);
      await storage.persist(persistOf(batch + 1, { entries }));
    }
    const [, second, third] = whole.files('/data/wal') as [string, string, string];

    const missing = whole.clone();
    await missing.remove(second);
    expect((await failureOf(open(missing).open())).message).toContain('a file is missing');

    const cut = whole.clone();
    cut.edit(second, (contents) => contents.subarray(0, endOfContents(contents, 0) - 8));
    expect((await failureOf(open(cut).open())).message).toContain('a later segment follows');

    const exchanged = whole.clone();
    exchanged.edit(second, () => Buffer.from([]));
    const other = await exchanged.read(third);
    exchanged.edit(second, () => other);
    expect((await failureOf(open(exchanged).open())).code).toBe('damaged');
  });

  it('is refused when the log or the meta file of a node that has taken part is gone', async () => {
    const noLog = await threeBatches();
    for (const file of noLog.files('/data/wal')) await noLog.remove(file);
    expect((await failureOf(open(noLog).open())).message).toContain('its log is gone');

    const noMeta = await threeBatches();
    await noMeta.remove('/data/meta.json');
    expect((await failureOf(open(noMeta).open())).message).toContain('names this node is gone');

    const badMeta = await threeBatches();
    badMeta.edit('/data/meta.json', (contents) =>
      Buffer.from(contents.toString().replace('"nodeId":1', '"nodeId":7')),
    );
    expect((await failureOf(open(badMeta).open())).code).toBe('damaged');
  });
});

describe('snapshots on disk', () => {
  it('keep the log behind them, let segments go, and lose nothing', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk, { segmentBytes: 400 });
    await storage.open();
    const hardState = { currentTerm: 4, votedFor: 1, commitIndex: 0 };
    await storage.persist(persistOf(1, { hardState, entries: entriesOf(1, 5) }));
    for (let batch = 1; batch < 6; batch++) {
      const entries = entriesOf(batch * 5 + 1, batch * 5 + 5);
      await storage.persist(persistOf(batch + 1, { entries }));
    }

    await storage.saveSnapshot(snapshotOf(17), Buffer.from('state 17'));
    await storage.compact(12);

    const again = open(disk, { segmentBytes: 400 });
    const { entries, snapshot, hardState: kept } = await again.open();
    expect(snapshot).toEqual(snapshotOf(17));
    expect(Buffer.from((await again.loadSnapshot())?.data ?? []).toString()).toBe('state 17');
    expect(entries.map(({ index }) => index)).toEqual(
      Array.from({ length: 20 }, (_, at) => at + 11),
    );
    expect(kept.currentTerm).toBe(4);
  });

  it('are kept one at a time, the newest', async () => {
    const disk = await threeBatches();
    const storage = open(disk);
    await storage.open();
    await Promise.all([5, 8, 6].map((at) => storage.saveSnapshot(snapshotOf(at), Buffer.from([]))));

    expect(disk.files('/data/snapshots')).toEqual([
      '/data/snapshots/0000000000000008-0000000000000001.snapshot',
    ]);
  });

  it('replace a log that they are ahead of, whether or not the crash came before the log’s note', async () => {
    for (const noted of [false, true]) {
      const disk = await threeBatches();
      const storage = open(disk);
      await storage.open();
      await storage.saveSnapshot(snapshotOf(100, 5), Buffer.from('state'));
      if (noted) await storage.persist(persistOf(4, { snapshot: snapshotOf(100, 5) }));

      const restarted = open(disk);
      expect(await restarted.open()).toMatchObject({ entries: [], snapshot: snapshotOf(100, 5) });
      await restarted.persist(persistOf(5, { entries: entriesOf(101, 102, 5) }));

      const { entries } = await open(disk).open();
      expect(entries.map(({ index }) => index)).toEqual([101, 102]);
    }
  });

  it('replace a log that holds another entry at their index', async () => {
    const disk = await threeBatches();
    const storage = open(disk);
    await storage.open();
    await storage.saveSnapshot(snapshotOf(7, 9), Buffer.from('state'));

    expect((await open(disk).open()).entries).toEqual([]);
  });

  it('are refused when any byte is wrong', async () => {
    const whole = await threeBatches();
    const storage = open(whole);
    await storage.open();
    await storage.saveSnapshot(snapshotOf(5), Buffer.from('the state'));
    const [file] = whole.files('/data/snapshots') as [string];
    const size = (await whole.read(file)).length;
    for (let at = 0; at < size; at++) {
      const disk = whole.clone();
      disk.edit(file, (contents) => {
        contents[at] = (contents[at] as number) ^ 0x04;
        return contents;
      });
      expect((await failureOf(open(disk).open())).code).toBe('damaged');
    }
  });

  it('may fail to be written, which leaves everything as it was', async () => {
    const disk = await threeBatches();
    const storage = open(disk);
    await storage.open();
    disk.failOn = (call) => call.startsWith('write /data/snapshots');
    const failure = await failureOf(storage.saveSnapshot(snapshotOf(5), Buffer.from('x')));
    disk.failOn = undefined;

    expect(failure).toMatchObject({ code: 'snapshotFailed', fatal: false });
    await storage.persist(persistOf(4, { entries: entriesOf(9, 9, 2) }));
    expect((await open(disk).open()).entries.length).toBe(9);
  });
});

describe('power cuts', () => {
  /** Runs a workload on a disk that loses power at its n-th call, and checks what was acknowledged. */
  async function cutAt(call: number, disk: MemoryFileSystem): Promise<boolean> {
    let calls = 0;
    disk.failOn = () => {
      calls += 1;
      return calls >= call;
    };
    let acknowledged = 0;
    const storage = open(disk, { segmentBytes: 400 });
    try {
      await storage.open();
      for (let batch = 0; batch < 6; batch++) {
        const entries = entriesOf(batch * 4 + 1, batch * 4 + 4);
        await storage.persist(persistOf(batch + 1, { entries }));
        acknowledged = batch * 4 + 4;
        if (batch === 3) {
          await storage.saveSnapshot(snapshotOf(13), Buffer.from('13'));
          await storage.compact(10);
        }
      }
    } catch {
      // The cut.
    }
    const finished = calls < call;
    disk.crash();
    const { entries, snapshot } = await open(disk, { segmentBytes: 400 }).open();
    const reached = Math.max(entries.at(-1)?.index ?? 0, snapshot?.lastIncludedIndex ?? 0);
    expect(reached).toBeGreaterThanOrEqual(acknowledged);
    return finished;
  }

  it('lose nothing that was acknowledged, at whatever call they come', async () => {
    let call = 1;
    while (!(await cutAt(call, new MemoryFileSystem()))) call += 1;
    expect(call).toBeGreaterThan(30);
  });

  it('would lose acknowledged entries if nothing were synced: the check above can fail', async () => {
    const disk = new MemoryFileSystem();
    disk.lieAboutSync = true;
    await expect(cutAt(25, disk)).rejects.toThrow();
  });

  it('find every batch synced before it is acknowledged', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk);
    await storage.open();
    for (let batch = 1; batch <= 5; batch++) {
      await storage.persist(persistOf(batch, { entries: entriesOf(batch, batch) }));
      const wal = disk.calls.filter((call) => call.includes('/data/wal/'));
      expect(wal.at(-2)).toMatch(/^write /);
      expect(wal.at(-1)).toMatch(/^sync /);
    }
  });
});

describe('a failed write or sync of the log', () => {
  it.each(['write /data/wal', 'sync /data/wal'])('is final: %s', async (call) => {
    const disk = await threeBatches();
    const storage = open(disk);
    await storage.open();
    disk.failOn = (made) => made.startsWith(call);
    const first = await failureOf(storage.persist(persistOf(4, { entries: entriesOf(9, 9, 2) })));
    disk.failOn = undefined;
    const callsBefore = disk.calls.length;

    const second = await failureOf(storage.persist(persistOf(5, { entries: entriesOf(9, 9, 2) })));

    expect(first).toMatchObject({ code: 'io', fatal: true });
    expect(second).toBe(first);
    expect(disk.calls.length).toBe(callsBefore);
  });

  it('is final when the first batch cannot be noted', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk);
    await storage.open();
    disk.failOn = (made) => made.startsWith('rename /data/meta.json');
    const failure = await failureOf(storage.persist(persistOf(1, { entries: entriesOf(1, 1) })));
    expect(failure.fatal).toBe(true);
  });
});
