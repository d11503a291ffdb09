import { MemoryFileSystem } from '../../test/support/memory-file-system';
import { readerOf, snapshotOf, stateOf } from '../../test/support/snapshots';
import { FileStorage } from '../storage/file-storage';
import type { SnapshotReader } from '../storage/storage';
import {
  type SnapshotChunk,
  SnapshotRefused,
  SnapshotTransfer,
} from '../transport/snapshot-transfer';
import { IncomingSnapshots } from './incoming-snapshots';

/** A replica that receives, on a disk that outlives it. */
async function receiverOn(disk: MemoryFileSystem) {
  const storage = new FileStorage({
    directory: '/data',
    nodeId: 2,
    clusterId: 'c',
    fileSystem: disk,
    acquireLock: () => () => undefined,
  });
  await storage.open();
  const delivered: string[] = [];
  const raft = { term: 3, commitIndex: 0, nowMs: 0, failures: 0 };
  const incoming = new IncomingSnapshots({
    bytesMax: 500,
    storage,
    term: () => raft.term,
    commitIndex: () => raft.commitIndex,
    nowMs: () => raft.nowMs,
    onFailed: () => (raft.failures += 1),
    deliver: (from, term, { lastIncludedIndex }, data) => {
      const what = data === undefined ? 'nothing' : stateOf(lastIncludedIndex).equals(data);
      delivered.push(`${lastIncludedIndex} from ${from} in term ${term}: ${String(what)}`);
    },
  });
  return { storage, incoming, delivered, raft };
}

const LEADER = 1;

/** One attempt, cut after so many chunks. @returns true when the transfer is complete. */
async function attempt(
  transfer: SnapshotTransfer,
  incoming: IncomingSnapshots,
  cutAfter = Infinity,
): Promise<boolean> {
  transfer.begin(await incoming.offer(LEADER, transfer.offer()));
  for (let sent = 0; !transfer.isComplete && sent < cutAfter; sent += 1) {
    const chunk = (await transfer.next()) as SnapshotChunk;
    transfer.acknowledge(await incoming.chunk(LEADER, chunk));
  }
  return transfer.isComplete;
}

const COMPLETE = ['9 from 1 in term 3: true'];

describe('a transfer', () => {
  it('goes on where it was cut, at whichever chunk that was', async () => {
    const { chunkCount } = readerOf(9);
    for (let cut = 0; cut < chunkCount; cut++) {
      const { incoming, delivered } = await receiverOn(new MemoryFileSystem());
      const transfer = new SnapshotTransfer(3, readerOf(9));

      expect(await attempt(transfer, incoming, cut)).toBe(false);
      expect(await attempt(transfer, incoming)).toBe(true);

      expect(delivered).toEqual(COMPLETE);
      expect(transfer.chunksSent).toBe(chunkCount);
      expect(transfer.resumed).toBe(cut === 0 ? 0 : 1);
    }
  });

  it('is complete in the end when the link breaks after every chunk', async () => {
    const { incoming, delivered } = await receiverOn(new MemoryFileSystem());
    const transfer = new SnapshotTransfer(3, readerOf(9));
    let attempts = 1;
    while (!(await attempt(transfer, incoming, 1))) attempts += 1;

    expect(attempts).toBe(transfer.chunkCount);
    expect(delivered).toEqual(COMPLETE);
    expect(transfer.chunksSent).toBe(transfer.chunkCount);
  });

  it('goes on when the sender was restarted and offers the same snapshot, and from another leader that has the same', async () => {
    const { incoming, delivered, raft } = await receiverOn(new MemoryFileSystem());
    await attempt(new SnapshotTransfer(3, readerOf(9)), incoming, 4);
    raft.term = 5;

    const again = new SnapshotTransfer(5, readerOf(9));
    await attempt(again, incoming);

    expect(again.chunksSent).toBe(again.chunkCount - 4);
    expect(delivered).toEqual(['9 from 1 in term 5: true']);
  });

  it('goes on when the receiver’s process was restarted, at whichever chunk that was', async () => {
    const { chunkCount } = readerOf(9);
    for (let cut = 1; cut <= chunkCount; cut++) {
      const disk = new MemoryFileSystem();
      const transfer = new SnapshotTransfer(3, readerOf(9));
      const before = await receiverOn(disk);
      // The last chunk is written, and the process ends before anything else.
      if (cut === chunkCount) disk.failOn = (call) => call.startsWith('sync');
      await attempt(transfer, before.incoming, cut).catch(() => undefined);
      disk.failOn = undefined;

      const { incoming, delivered } = await receiverOn(disk);
      await attempt(transfer, incoming);

      expect(delivered).toEqual(COMPLETE);
      if (cut < chunkCount) expect(transfer.chunksSent).toBe(chunkCount);
    }
  });

  it('begins anew with the newest when that is what is offered', async () => {
    const { incoming, delivered } = await receiverOn(new MemoryFileSystem());
    await attempt(new SnapshotTransfer(3, readerOf(7)), incoming, 4);

    const newest = new SnapshotTransfer(3, readerOf(9));
    await attempt(newest, incoming);

    expect(newest.chunksSent).toBe(newest.chunkCount);
    expect(newest.resumed).toBe(0);
    expect(delivered).toEqual(COMPLETE);
  });

  it('sends nothing of a snapshot that the receiver’s log is as far as; the core answers', async () => {
    const disk = new MemoryFileSystem();
    const { incoming, delivered, raft } = await receiverOn(disk);
    raft.commitIndex = 9;
    const transfer = new SnapshotTransfer(3, readerOf(9));

    expect(await attempt(transfer, incoming)).toBe(true);

    expect(transfer.chunksSent).toBe(0);
    expect(delivered).toEqual(['9 from 1 in term 3: nothing']);
    expect(disk.files('/data/snapshots')).toEqual([]);
  });
});

describe('what does not fit is refused and changes nothing', () => {
  async function halfway(reader: SnapshotReader = readerOf(9)) {
    const disk = new MemoryFileSystem();
    const receiver = await receiverOn(disk);
    const transfer = new SnapshotTransfer(3, reader);
    await attempt(transfer, receiver.incoming, 4);
    const next = (await transfer.next()) as SnapshotChunk;
    const before = disk.clone();
    const isUnchanged = async (): Promise<boolean> => {
      const [one, other] = [disk, before].map((each) => each.files('/data'));
      expect(one).toEqual(other);
      for (const file of one as string[]) {
        if (!(await disk.read(file)).equals(await before.read(file))) return false;
      }
      return true;
    };
    return { ...receiver, transfer, next, isUnchanged };
  }

  it.each<[string, (chunk: SnapshotChunk) => SnapshotChunk]>([
    ['a wrong checksum', (chunk) => ({ ...chunk, checksum: chunk.checksum ^ 1 })],
    ['a flipped bit', (chunk) => ({ ...chunk, data: flipped(chunk.data) })],
    ['a later place', (chunk) => ({ ...chunk, number: chunk.number + 1 })],
    ['a place behind the end', (chunk) => ({ ...chunk, number: 1000 })],
    ['another size', (chunk) => ({ ...chunk, data: chunk.data.subarray(1) })],
    ['another snapshot', (chunk) => ({ ...chunk, id: { ...chunk.id, checksum: 1 } })],
    ['another index', (chunk) => ({ ...chunk, id: { ...chunk.id, lastIncludedIndex: 8 } })],
    ['a stale term', (chunk) => ({ ...chunk, term: 2 })],
    ['a later term than was offered', (chunk) => ({ ...chunk, term: 4 })],
  ])('a chunk with %s', async (_what, change) => {
    const { incoming, transfer, next, isUnchanged, delivered } = await halfway();

    await expect(incoming.chunk(LEADER, change(next))).rejects.toThrow();

    expect(await isUnchanged()).toBe(true);
    await attempt(transfer, incoming);
    expect(delivered).toEqual(COMPLETE);
    // That one again, and no other.
    expect(transfer.chunksSent).toBe(transfer.chunkCount + 1);
  });

  it('a chunk from somebody who has not offered it', async () => {
    const { incoming, next, isUnchanged } = await halfway();

    await expect(incoming.chunk(3, next)).rejects.toThrow('has not offered');

    expect(await isUnchanged()).toBe(true);
  });

  it('a chunk that is here already, which is acknowledged once more', async () => {
    const { incoming, transfer, isUnchanged } = await halfway();
    const id = transfer.id;
    const first = { term: 3, id, number: 0, ...(await readerOf(9).readChunk(0)) };

    expect(await incoming.chunk(LEADER, first)).toBe(4);

    expect(await isUnchanged()).toBe(true);
  });

  it('an offer of a stale term, of an older term than the transfer under way, of too much, and of an unknown format', async () => {
    const { incoming, raft, isUnchanged } = await halfway();
    const offer = (reader: SnapshotReader, term: number) =>
      incoming.offer(LEADER, new SnapshotTransfer(term, reader).offer());
    raft.term = 2;
    await expect(offer(readerOf(12), 2)).rejects.toThrow('the later term 3');
    raft.term = 4;
    await expect(offer(readerOf(12), 3)).rejects.toThrow('term 3 is over');
    await expect(offer(readerOf(12, 501), 4)).rejects.toThrow('is above the limit');
    const header = Buffer.from(readerOf(12).header);
    header.writeUInt32LE(4, 8);
    const unknown = incoming.offer(LEADER, { term: 4, header });
    await expect(unknown).rejects.toThrow('snapshot format 4 is not understood');
    await expect(unknown).rejects.toThrow(SnapshotRefused);
    expect(await isUnchanged()).toBe(true);
  });

  it('chunks of a stale term, when a later one has begun meanwhile', async () => {
    const { incoming, raft, next, isUnchanged } = await halfway();
    raft.term = 4;

    await expect(incoming.chunk(LEADER, next)).rejects.toThrow('term 3 is over');

    expect(await isUnchanged()).toBe(true);
  });
});

describe('a full disk', () => {
  it('stops a transfer, keeps the snapshot that was there, gives the room back, and pauses before the next attempt', async () => {
    const { chunkCount } = readerOf(9);
    for (let write = 1; write <= chunkCount + 1; write++) {
      const disk = new MemoryFileSystem();
      const { storage, incoming, delivered, raft } = await receiverOn(disk);
      await storage.saveSnapshot(snapshotOf(5), stateOf(5));
      const before = storage.usage();
      let writes = 0;
      disk.failWith = 'ENOSPC';
      disk.failOn = (call) => call.startsWith('write') && (writes += 1) === write;
      const transfer = new SnapshotTransfer(3, readerOf(9));

      await expect(attempt(transfer, incoming)).rejects.toMatchObject({ code: 'snapshotFailed' });

      disk.failOn = undefined;
      expect(storage.usage()).toEqual(before);
      expect((await storage.loadSnapshot())?.data).toEqual(stateOf(5));
      await expect(attempt(transfer, incoming)).rejects.toThrow('a moment ago');
      expect(raft.failures).toBe(1);
      raft.nowMs += 2000;
      await attempt(transfer, incoming);
      expect(delivered).toEqual(COMPLETE);
    }
  });
});

function flipped(data: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(data);
  changed[0] = (changed[0] as number) ^ 1;
  return changed;
}
