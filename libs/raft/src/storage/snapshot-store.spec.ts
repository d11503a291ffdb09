import { MemoryFileSystem } from '../../test/support/memory-file-system';
import { readerOf, snapshotOf, stateOf } from '../../test/support/snapshots';
import { BinaryWriter } from '../state-machine/binary-writer';
import { crc32c } from './crc32c';
import { writeSnapshotMetadata } from './snapshot-file';
import { SnapshotStore } from './snapshot-store';
import type { SnapshotReader, SnapshotWriter } from './storage';

const DIRECTORY = '/data/snapshots';
const CHUNK_BYTES = 10;

async function open(disk: MemoryFileSystem): Promise<SnapshotStore> {
  const store = new SnapshotStore(DIRECTORY, disk, CHUNK_BYTES);
  await store.open();
  return store;
}

function names(disk: MemoryFileSystem): string[] {
  return disk.files(DIRECTORY).map((file) => file.slice(DIRECTORY.length + 1));
}

const nameOf = (index: number): string =>
  `${String(index).padStart(16, '0')}-${'1'.padStart(16, '0')}.snapshot`;

async function copy(from: SnapshotReader, to: SnapshotWriter, until = from.chunkCount) {
  while (to.nextChunk < until) await to.write(to.nextChunk, await from.readChunk(to.nextChunk));
}

async function wholeOf(reader: SnapshotReader | undefined): Promise<Buffer> {
  if (reader === undefined) throw new Error('a reader is needed');
  const chunks: Uint8Array[] = [];
  for (let number = 0; number < reader.chunkCount; number++) {
    chunks.push((await reader.readChunk(number)).data);
  }
  return Buffer.concat(chunks);
}

describe('taking a snapshot', () => {
  it.each([0, 1, 9, 10, 11, 20, 95])(
    'of %i bytes yields those bytes, whole and in chunks',
    async (size) => {
      const disk = new MemoryFileSystem();
      const store = await open(disk);
      const data = stateOf(1, size);
      // Pieces that know nothing of chunks.
      const pieces = [data.subarray(0, 3), data.subarray(3, 3), data.subarray(3)];

      expect(await store.save(snapshotOf(5), pieces)).toBe(size);

      expect(data.equals((await store.load())?.data ?? Buffer.from('nothing'))).toBe(true);
      expect((await wholeOf(await store.read())).equals(data)).toBe(true);
      const again = await new SnapshotStore(DIRECTORY, disk, 777).open();
      expect(again).toEqual({ snapshot: snapshotOf(5), data });
    },
  );

  it('leaves what was there before when its pieces end with an error, which is passed on as it is', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await store.save(snapshotOf(5), stateOf(5));
    function* broken(): Generator<Uint8Array> {
      yield stateOf(6);
      throw new TypeError('the state machine is broken');
    }

    await expect(store.save(snapshotOf(6), broken())).rejects.toThrow(TypeError);

    expect(names(disk)).toEqual([nameOf(5)]);
    expect((await store.load())?.snapshot.lastIncludedIndex).toBe(5);
  });

  it('leaves what was there before when the disk is full, and says so', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await store.save(snapshotOf(5), stateOf(5));
    const callsOf = async (): Promise<number> => {
      const before = disk.calls.length;
      await (await open(disk.clone())).save(snapshotOf(6), stateOf(6));
      return before;
    };
    await callsOf();
    disk.failWith = 'ENOSPC';
    for (let call = 1; call <= 12; call++) {
      let writes = 0;
      disk.failOn = (made) => made.startsWith('write') && (writes += 1) === call;
      const failed = store.save(snapshotOf(6), stateOf(6));
      if (call <= 11) {
        await expect(failed).rejects.toMatchObject({
          code: 'snapshotFailed',
          message: expect.stringContaining('the disk is full') as string,
        });
        expect(names(disk)).toEqual([nameOf(5)]);
        expect(store.usage).toMatchObject({ snapshots: 1 });
      } else await failed;
    }
    expect(names(disk)).toEqual([nameOf(6)]);
  });
});

describe('a snapshot that is being sent', () => {
  it('is kept while a newer one is there, and gone when nobody sends it any more', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await store.save(snapshotOf(5), stateOf(5));
    const readers = [await store.read(), await store.read()];

    await store.save(snapshotOf(6), stateOf(6));

    expect(names(disk)).toEqual([nameOf(5), nameOf(6)]);
    expect(store.usage).toMatchObject({ snapshots: 2 });
    for (const reader of readers) expect((await wholeOf(reader)).equals(stateOf(5))).toBe(true);
    await readers[0]?.close();
    expect(names(disk)).toEqual([nameOf(5), nameOf(6)]);
    await readers[1]?.close();
    await readers[1]?.close();
    expect(names(disk)).toEqual([nameOf(6)]);
    expect((await wholeOf(await store.read())).equals(stateOf(6))).toBe(true);
  });

  it('is the only one that is kept beside the newest: those between them are taken from their senders', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await store.save(snapshotOf(5), stateOf(5));
    const first = await store.read();
    await store.save(snapshotOf(6), stateOf(6));
    const second = await store.read();

    await store.save(snapshotOf(7), stateOf(7));

    expect(names(disk)).toEqual([nameOf(5), nameOf(7)]);
    expect((await wholeOf(first)).equals(stateOf(5))).toBe(true);
    await expect(second?.readChunk(0)).rejects.toMatchObject({ code: 'snapshotFailed' });
    await first?.close();
    expect(names(disk)).toEqual([nameOf(7)]);
  });

  it('is not sent on when a chunk of its file has rotted', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await store.save(snapshotOf(5), stateOf(5));
    const reader = await store.read();
    disk.edit(`${DIRECTORY}/${nameOf(5)}`, (bytes) => {
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
      return bytes;
    });

    await expect(reader?.readChunk(8)).resolves.toBeDefined();
    await expect(reader?.readChunk(9)).rejects.toMatchObject({ code: 'damaged' });
  });
});

describe('a snapshot that is being received', () => {
  it.each(['the process is killed', 'the power fails'])(
    'is gone on with, after %s at any chunk, behind what is on the disk',
    async (event) => {
      const from = readerOf(9);
      for (let cut = 0; cut <= from.chunkCount; cut++) {
        const disk = new MemoryFileSystem();
        const before = await open(disk);
        await before.save(snapshotOf(5), stateOf(5));
        const writer = await before.receive(from.header);
        await copy(from, writer, cut);
        if (event === 'the power fails') disk.crash();

        const store = await open(disk);
        const resumed = await store.receive(from.header);

        // Nothing of so small a file was synced.
        expect(resumed.nextChunk).toBe(event === 'the power fails' ? 0 : cut);
        await copy(from, resumed);
        expect(await resumed.finish()).toEqual({ snapshot: snapshotOf(9), data: stateOf(9) });
        expect(names(disk)).toEqual([nameOf(9)]);
        disk.crash();
        expect((await new SnapshotStore(DIRECTORY, disk, 10).open())?.data).toEqual(stateOf(9));
      }
    },
  );

  it('is gone on with before the first chunk that is damaged or not whole', async () => {
    const from = readerOf(9);
    const whole = new MemoryFileSystem();
    await copy(from, await (await open(whole)).receive(from.header), 5);
    const file = `${DIRECTORY}/incoming.part`;
    const size = (await whole.read(file)).length;
    for (let at = from.header.length; at < size; at++) {
      for (const change of ['flipped', 'cut']) {
        const disk = whole.clone();
        disk.edit(file, (bytes) => {
          if (change === 'cut') return bytes.subarray(0, at);
          bytes[at] = (bytes[at] as number) ^ 0x10;
          return bytes;
        });
        const resumed = await (await open(disk)).receive(from.header);
        expect(resumed.nextChunk).toBe(Math.floor((at - from.header.length) / 14));
        await copy(from, resumed);
        expect((await resumed.finish())?.data).toEqual(stateOf(9));
      }
    }
  });

  it('makes room for another one', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await copy(readerOf(9), await store.receive(readerOf(9).header), 5);
    const newer = readerOf(12, 35);

    const writer = await store.receive(newer.header);

    expect(writer.nextChunk).toBe(0);
    await copy(newer, writer);
    expect(await writer.finish()).toEqual({ snapshot: snapshotOf(12), data: stateOf(12, 35) });
    expect(names(disk)).toEqual([nameOf(12)]);
  });

  it('takes no chunk that is not the next, as long as it should be, and whole', async () => {
    const from = readerOf(9);
    const store = await open(new MemoryFileSystem());
    const writer = await store.receive(from.header);
    await copy(from, writer, 3);
    const good = await from.readChunk(3);
    const longer = Buffer.concat([good.data, Buffer.from('x')]);

    const bad: [number, typeof good][] = [
      [4, await from.readChunk(4)],
      [2, await from.readChunk(2)],
      [3, await from.readChunk(4)],
      [3, { ...good, checksum: good.checksum ^ 1 }],
      [3, { ...good, data: Buffer.from(good.data).fill(1, 0, 1) }],
      [3, { ...good, data: good.data.subarray(1) }],
      [3, { ...good, data: longer }],
      [from.chunkCount, good],
    ];
    for (const [number, chunk] of bad) {
      await expect(writer.write(number, chunk)).rejects.toThrow('chunk');
      expect(writer.nextChunk).toBe(3);
    }
    await copy(from, writer);
    expect((await writer.finish())?.data).toEqual(stateOf(9));
  });

  it('is thrown away when its chunks are good and not those of its header', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await store.save(snapshotOf(5), stateOf(5));
    const writer = await store.receive(readerOf(9).header);
    await copy(readerOf(10), writer);

    await expect(writer.finish()).rejects.toThrow('the checksum of a snapshot is wrong');

    expect(names(disk)).toEqual([nameOf(5)]);
    expect((await store.load())?.data).toEqual(stateOf(5));
  });

  it('is of no use when a newer one was taken meanwhile', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    const writer = await store.receive(readerOf(9).header);
    await copy(readerOf(9), writer);
    await store.save(snapshotOf(11), stateOf(11));

    expect(await writer.finish()).toBeUndefined();

    expect(names(disk)).toEqual([nameOf(11)]);
  });

  it('counts in what the files take, and is the only unfinished one that a start leaves', async () => {
    const disk = new MemoryFileSystem();
    const store = await open(disk);
    await store.save(snapshotOf(5), stateOf(5));
    const from = readerOf(9);
    await copy(from, await store.receive(from.header), 4);
    const incomingBytes = from.header.length + 4 * 14;
    expect(store.usage.incomingBytes).toBe(incomingBytes);
    const abandoned = await disk.open(`${DIRECTORY}/${nameOf(8)}.tmp`);
    await abandoned.write(Buffer.from('half'), 0);

    const restarted = await open(disk);

    expect(names(disk)).toEqual([nameOf(5), 'incoming.part'].sort());
    const [newest] = disk.files(DIRECTORY).filter((file) => file.endsWith('snapshot'));
    const snapshotBytes = (await disk.read(newest as string)).length;
    expect(restarted.usage).toEqual({ snapshots: 1, snapshotBytes, incomingBytes });
    await restarted.save(snapshotOf(10), stateOf(10));
    expect(names(disk)).toContain('incoming.part');
    await open(disk);
    expect(names(disk)).toEqual([nameOf(10)]);
  });
});

describe('a snapshot of a format without chunks', () => {
  it('is read, and written again so that it can be sent', async () => {
    const disk = new MemoryFileSystem();
    const metadata = new BinaryWriter();
    writeSnapshotMetadata(metadata, snapshotOf(5));
    const header = new BinaryWriter().raw(Buffer.from('RAFTSNAP')).u32(2).bytes(metadata.finish());
    header.uint53(95);
    header.u32(crc32c(stateOf(5), crc32c(header.finish()))).raw(stateOf(5));
    const file = await disk.open(`${DIRECTORY}/${nameOf(5)}`);
    await file.write(header.finish(), 0);
    const store = new SnapshotStore(DIRECTORY, disk, CHUNK_BYTES);

    expect(await store.open()).toEqual({ snapshot: snapshotOf(5), data: stateOf(5) });

    expect((await wholeOf(await store.read())).equals(stateOf(5))).toBe(true);
    expect(names(disk)).toEqual([nameOf(5)]);
  });
});
