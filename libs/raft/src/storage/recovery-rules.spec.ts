import { entriesOf, persistOf } from '../../test/support/entries';
import { MemoryFileSystem } from '../../test/support/memory-file-system';
import { StorageError } from '../errors';
import { crc32c } from './crc32c';
import { FileStorage } from './file-storage';
import type { Recovered } from './storage';
import { endOfContents } from './wal/tail';

const META = '/data/meta.json';

function open(disk: MemoryFileSystem, segmentBytes = 10_000): FileStorage {
  const acquireLock = () => () => undefined;
  const node = { directory: '/data', nodeId: 1, clusterId: 'c' };
  return new FileStorage({ ...node, fileSystem: disk, acquireLock, segmentBytes });
}

async function recover(disk: MemoryFileSystem): Promise<Recovered> {
  return await open(disk).open();
}

async function failureOf(promise: Promise<unknown>): Promise<StorageError> {
  return await promise.then(
    () => Promise.reject(new Error('nothing failed')),
    (error: unknown) => error as StorageError,
  );
}

/** Three batches of entries 1–3, 4–5 and 6–8, the last one with a vote. */
async function threeBatches(segmentBytes?: number): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  const storage = open(disk, segmentBytes);
  await storage.open();
  const vote = { currentTerm: 2, votedFor: 3, commitIndex: 5 };
  await storage.persist(persistOf(1, { entries: entriesOf(1, 3) }));
  await storage.persist(persistOf(2, { entries: entriesOf(4, 5) }));
  await storage.persist(persistOf(3, { hardState: vote, entries: entriesOf(6, 8, 2) }));
  await storage.close();
  return disk;
}

async function lastBatch(
  disk: MemoryFileSystem,
): Promise<{ file: string; from: number; to: number }> {
  const file = disk.files('/data/wal').at(-1) as string;
  const contents = await disk.read(file);
  return { file, from: contents.lastIndexOf('RWF1'), to: endOfContents(contents, 0) };
}

function changed(
  disk: MemoryFileSystem,
  file: string,
  change: (bytes: Buffer) => Buffer,
): MemoryFileSystem {
  const copy = disk.clone();
  copy.edit(file, change);
  return copy;
}

function flipped(disk: MemoryFileSystem, file: string, at: number, bit: number): MemoryFileSystem {
  return changed(disk, file, (bytes) => {
    bytes[at] = (bytes[at] as number) ^ (1 << bit);
    return bytes;
  });
}

describe('a last batch that was never finished', () => {
  it('is cut without suspicion, wherever the file ends, and wherever zeros begin', async () => {
    const whole = await threeBatches();
    const { file, from, to } = await lastBatch(whole);
    for (let end = from; end < to; end++) {
      const cut = changed(whole, file, (bytes) => bytes.subarray(0, end));
      const filled = changed(whole, file, (bytes) => bytes.fill(0, end));
      for (const disk of [cut, filled]) {
        const { entries, suspectTail } = await recover(disk);
        expect([end, entries.length, suspectTail]).toEqual([end, 5, undefined]);
      }
    }
  });

  it('is told from a file that was filled with zeros before it is written to', async () => {
    const whole = await threeBatches();
    const { file } = await lastBatch(whole);
    const filled = changed(whole, file, (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)]));
    expect(await recover(filled)).toMatchObject({ entries: { length: 8 }, suspectTail: undefined });
  });
});

describe('a last batch that is bad and not short', () => {
  it('is cut with suspicion, whatever bit of it is wrong', async () => {
    const whole = await threeBatches();
    const { file, from, to } = await lastBatch(whole);
    for (let at = from; at < to; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const recovered = await recover(flipped(whole, file, at, bit));
        expect(recovered.suspectTail).toEqual({ file, offset: from });
        expect(recovered.entries.length).toBe(5);
        expect(recovered.hardState.currentTerm).toBe(0);
      }
    }
  });

  it('is cut with suspicion also when an unfinished write follows it', async () => {
    const whole = await threeBatches();
    const { file, from, to } = await lastBatch(whole);
    const next = (await whole.read(file)).subarray(48, 48 + 40);
    for (let at = from; at < to; at++) {
      const disk = changed(flipped(whole, file, at, 5), file, (bytes) =>
        Buffer.concat([bytes.subarray(0, to), next]),
      );
      expect((await recover(disk)).suspectTail).toEqual({ file, offset: from });
    }
  });

  it('is cut with suspicion when only a part before its end is missing', async () => {
    const whole = await threeBatches();
    const { file, from, to } = await lastBatch(whole);
    for (let hole = from; hole + 16 < to; hole += 16) {
      const disk = changed(whole, file, (bytes) => bytes.fill(0, hole, hole + 16));
      expect((await recover(disk)).suspectTail).toEqual({ file, offset: from });
    }
  });

  it('is suspected in a segment that has lost its header, too', async () => {
    const whole = await threeBatches(400);
    const [first, file] = whole.files('/data/wal') as [string, string];
    expect(first).not.toBe(file);
    const disk = flipped(flipped(whole, file, 3, 1), file, 100, 1);
    expect((await recover(disk)).suspectTail).toEqual({ file, offset: 0 });
  });

  it('stays suspect over restarts, until the group has made up for it', async () => {
    const whole = await threeBatches();
    const { file, from } = await lastBatch(whole);
    const disk = flipped(whole, file, from + 30, 2);
    await recover(disk);
    disk.crash();
    const storage = open(disk);
    expect((await storage.open()).suspectTail).toEqual({ file, offset: from });

    await storage.trustTail();

    disk.crash();
    expect((await recover(disk)).suspectTail).toBeUndefined();
  });

  it('is noted before it is cut, at whatever call the power fails', async () => {
    const whole = await threeBatches();
    const { file, from } = await lastBatch(whole);
    for (let call = 1; call < 15; call++) {
      const disk = flipped(whole, file, from + 30, 2);
      let calls = 0;
      disk.failOn = () => ++calls >= call;
      await recover(disk).catch(() => undefined);
      disk.crash();
      expect((await recover(disk)).suspectTail).toEqual({ file, offset: from });
    }
  });

  it('is suspected when the process that wrote it ended before it noted that it had, and the next one has spoken for it', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk);
    await storage.open();
    const meta = Buffer.from(await disk.read(META));
    await storage.persist(persistOf(1, { entries: entriesOf(1, 1) }));
    await storage.persist(persistOf(2, { entries: entriesOf(2, 2) }));
    await storage.close();
    disk.edit(META, () => meta);
    const next = open(disk);
    expect((await next.open()).entries).toHaveLength(2);
    await next.close();

    const { file, from, to } = await lastBatch(disk);
    const rotten = flipped(disk, file, to - 1, 3);
    expect((await recover(rotten)).suspectTail).toEqual({ file, offset: from });
  });

  it('is not suspected when nothing was ever acknowledged', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk);
    await storage.open();
    disk.failOn = (call) => call.startsWith('create /data/meta.json.tmp');
    await failureOf(storage.persist(persistOf(1, { entries: entriesOf(1, 3) })));
    disk.failOn = undefined;
    const { file, from } = await lastBatch(disk);
    const recovered = await recover(flipped(disk, file, from + 30, 2));
    expect(recovered).toMatchObject({ empty: true, suspectTail: undefined });
  });
});

describe('what a cut leaves behind that never reached the disk, since the sync after it failed', () => {
  const garbage = Buffer.alloc(40, 0x5b);

  /** Two segments; behind the last batch of the first one something is left. */
  async function leftover(): Promise<{ disk: MemoryFileSystem; first: string; second: string }> {
    const disk = await threeBatches(200);
    const [first = '', second = ''] = disk.files('/data/wal').slice(-2);
    disk.edit(first, (bytes) =>
      Buffer.concat([bytes.subarray(0, endOfContents(bytes, 0)), garbage]),
    );
    return { disk, first, second };
  }

  it('is no damage, when the next segment begins with the batch that is due', async () => {
    const { disk } = await leftover();
    expect(await recover(disk)).toMatchObject({ entries: { length: 8 }, suspectTail: undefined });
  });

  it('is damage when it stands where a batch is missing', async () => {
    const { disk, first } = await leftover();
    const missing = changed(disk, first, (bytes) => bytes.fill(0x5b, bytes.lastIndexOf('RWF1')));
    expect((await failureOf(recover(missing))).message).toContain('a later segment follows');
  });

  it('is suspected, and cut, when the next segment has no header that says so', async () => {
    const { disk, first, second } = await leftover();
    const torn = changed(disk, second, (bytes) => bytes.subarray(0, 5));
    const offset = (await torn.read(first)).length - garbage.length;
    const storage = open(torn, 200);
    expect((await storage.open()).suspectTail).toEqual({ file: first, offset });
    await storage.persist(persistOf(9, { entries: entriesOf(6, 6) }));
    await storage.close();
    expect((await recover(torn)).entries).toHaveLength(6);
  });
});

describe('the other files', () => {
  it('are refused or unharmed at every bit and every cut of the meta file', async () => {
    const whole = await threeBatches();
    const good = await whole.read(META);
    const { incarnationId } = await recover(whole.clone());
    const check = async (disk: MemoryFileSystem): Promise<void> => {
      const outcome = await recover(disk).catch((error: unknown) => error as StorageError);
      if (outcome instanceof StorageError) {
        expect(outcome).toMatchObject({ code: 'damaged', file: META });
        expect(outcome.remedy).toBeDefined();
      } else expect(outcome.incarnationId).toBe(incarnationId);
    };
    for (let at = 0; at < good.length; at++) {
      await check(changed(whole, META, (bytes) => bytes.subarray(0, at)));
      for (let bit = 0; bit < 8; bit++) await check(flipped(whole, META, at, bit));
    }
  });

  it('are refused at every bit and every cut of a snapshot', async () => {
    const whole = await threeBatches();
    const storage = open(whole);
    await storage.open();
    const configuration = { clusterId: 'c', members: [{ id: 1, address: 'a:1', voter: true }] };
    const place = { lastIncludedIndex: 5, lastIncludedTerm: 1, stampMs: 50 };
    await storage.saveSnapshot({ ...place, configuration }, Buffer.from('the state'));
    const [file] = whole.files('/data/snapshots') as [string];
    const { length } = await whole.read(file);
    for (let at = 0; at < length; at++) {
      const bad = [changed(whole, file, (bytes) => bytes.subarray(0, at))];
      for (let bit = 0; bit < 8; bit++) bad.push(flipped(whole, file, at, bit));
      for (const disk of bad) {
        expect(await failureOf(recover(disk))).toMatchObject({ code: 'damaged', file });
      }
    }
  });

  it('are refused at every bit of an earlier batch and of a segment’s header', async () => {
    const whole = await threeBatches();
    const { file, from } = await lastBatch(whole);
    // The four bytes at 44 are not used.
    const offsets = Array.from({ length: from }, (_, at) => at).filter((at) => at < 44 || at >= 48);
    for (const at of offsets) {
      for (let bit = 0; bit < 8; bit++) {
        const failure = await failureOf(recover(flipped(whole, file, at, bit)));
        expect(failure).toMatchObject({ code: 'damaged', file });
        expect(failure.offset).toBeLessThanOrEqual(at);
      }
    }
  });
});

describe('what was read when the log was opened', () => {
  it('is durable, though the process that wrote it was killed before its sync or could not sync', async () => {
    for (const sync of ['skipped', 'failed']) {
      const disk = await threeBatches();
      const storage = open(disk);
      await storage.open();
      if (sync === 'skipped') disk.lieAboutSync = true;
      else disk.failOn = (call) => call.startsWith('sync /data/wal');
      const write = storage.persist(persistOf(4, { entries: entriesOf(9, 9, 2) }));
      await write.catch(() => undefined);
      disk.lieAboutSync = false;
      disk.failOn = undefined;
      expect((await recover(disk)).entries.length).toBe(9);
      const rewritten = disk.calls.slice(-3).map((call) => call.split(' ')[0]);

      disk.crash();

      expect((await recover(disk)).entries.length).toBe(9);
      expect(rewritten).toEqual(['write', 'sync', 'syncDirectory']);
    }
  });

  it('may hold a batch that goes below the first segment that is left: it waited while older ones were let go', async () => {
    const disk = new MemoryFileSystem();
    const storage = open(disk, 400);
    await storage.open();
    for (let batch = 0; batch < 4; batch++) {
      const entries = entriesOf(batch * 5 + 1, batch * 5 + 5);
      await storage.persist(persistOf(batch + 1, { entries }));
    }
    const configuration = { clusterId: 'c', members: [{ id: 1, address: 'a:1', voter: true }] };
    const place = { lastIncludedIndex: 12, lastIncludedTerm: 2, stampMs: 120 };
    await storage.saveSnapshot({ ...place, configuration }, Buffer.from('state'));
    await storage.compact(12);
    await storage.persist(persistOf(5, { entries: entriesOf(8, 14, 2) }));

    const { entries } = await recover(disk);

    expect(entries.map(({ index, term }) => `${index}/${term}`)).toEqual(
      [8, 9, 10, 11, 12, 13, 14].map((index) => `${index}/2`),
    );
  });
});

describe('letting segments go while a new one is begun', () => {
  it('keeps the term and the vote, at whatever call the power fails', async () => {
    for (let call = 1; call < 20; call++) {
      const disk = new MemoryFileSystem();
      const storage = open(disk, 150);
      await storage.open();
      const hardState = { currentTerm: 7, votedFor: 2, commitIndex: 0 };
      await storage.persist(persistOf(1, { hardState, entries: entriesOf(1, 3) }));
      const configuration = { clusterId: 'c', members: [{ id: 1, address: 'a:1', voter: true }] };
      const place = { lastIncludedIndex: 3, lastIncludedTerm: 1, stampMs: 30 };
      await storage.saveSnapshot({ ...place, configuration }, Buffer.from('state'));
      let calls = 0;
      let writes = 0;
      disk.failOn = (made) => {
        calls += 1;
        if (made.startsWith('write /data/wal/0000000002')) writes += 1;
        // The segment’s header is there; its first batch takes long.
        return calls >= call || (writes === 2 && made.startsWith('write'));
      };
      const write = storage.persist(persistOf(2, { entries: entriesOf(4, 6) }));
      await write.catch(() => undefined);
      await storage.compact(3).catch(() => undefined);
      disk.crash();
      expect((await recover(disk)).hardState).toMatchObject({ currentTerm: 7, votedFor: 2 });
    }
  });
});

describe('a log of the earlier format', () => {
  it('is read, and goes on in a segment of this one', async () => {
    const disk = await threeBatches();
    const { file } = await lastBatch(disk);
    disk.edit(file, (bytes) => {
      bytes.writeUInt32LE(1, 8);
      bytes.writeUInt32LE(crc32c(bytes.subarray(0, 40)), 40);
      for (let at = bytes.indexOf('RWF1'); at !== -1; at = bytes.indexOf('RWF1', at + 1)) {
        bytes.writeUInt32LE(0, at + 20);
      }
      return bytes;
    });
    const storage = open(disk);
    expect((await storage.open()).entries.length).toBe(8);

    await storage.persist(persistOf(4, { entries: entriesOf(9, 9, 2) }));

    expect(disk.files('/data/wal').length).toBe(2);
    expect((await recover(disk)).entries.length).toBe(9);
  });
});
