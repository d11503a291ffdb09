import { entriesOf } from '../../../test/support/entries';
import { MemoryFileSystem } from '../../../test/support/memory-file-system';
import { WriteAheadLog } from './wal';

const HARD_STATE = { currentTerm: 7, votedFor: 2, commitIndex: 0 };

async function open(disk: MemoryFileSystem): Promise<WriteAheadLog> {
  const log = new WriteAheadLog('/data/wal', disk, 400);
  await log.open(() => Promise.resolve());
  return log;
}

/** A log whose first segment is full; the next batch begins the second one. */
async function fullSegment(disk: MemoryFileSystem): Promise<WriteAheadLog> {
  const log = await open(disk);
  const entries = entriesOf(1, 8);
  await log.append({ hardState: HARD_STATE, entries, reset: undefined });
  return log;
}

/** The first write is that of the new segment's header. */
function failBatches(disk: MemoryFileSystem): void {
  let writes = 0;
  disk.failOn = (call) => call.startsWith('write /data/wal') && ++writes > 1;
}

async function hardStateOn(disk: MemoryFileSystem): Promise<unknown> {
  disk.crash();
  const log = new WriteAheadLog('/data/wal', disk, 400);
  return (await log.open(() => Promise.resolve())).hardState;
}

const next = { hardState: undefined, entries: entriesOf(9, 12), reset: undefined };

describe('term and vote', () => {
  // Found by simulation (seed 743768 with 3 servers).
  it('go into a segment that a crash left empty, before the older ones are let go', async () => {
    const disk = new MemoryFileSystem();
    const before = await fullSegment(disk);
    failBatches(disk);
    await expect(before.append(next)).rejects.toMatchObject({ code: 'io' });
    disk.failOn = undefined;
    disk.crash();
    expect(disk.files('/data/wal').length).toBe(2);

    const log = await open(disk);
    await log.append(next);
    await log.compact(8);

    expect(disk.files('/data/wal').length).toBe(1);
    expect(await hardStateOn(disk)).toEqual(HARD_STATE);
  });

  it('go into a segment that a full disk left empty', async () => {
    const disk = new MemoryFileSystem();
    const log = await fullSegment(disk);
    disk.failWith = 'ENOSPC';
    failBatches(disk);
    await expect(log.append(next)).rejects.toMatchObject({ code: 'noSpace' });
    disk.failOn = undefined;

    await log.append(next);
    await log.compact(8);

    expect(disk.files('/data/wal').length).toBe(1);
    expect(await hardStateOn(disk)).toEqual(HARD_STATE);
  });

  it('hold the older segments as long as a newer one is without them', async () => {
    const disk = new MemoryFileSystem();
    const log = await fullSegment(disk);
    disk.failWith = 'ENOSPC';
    failBatches(disk);
    await expect(log.append(next)).rejects.toMatchObject({ code: 'noSpace' });

    await log.compact(8);

    expect(disk.files('/data/wal').length).toBe(2);
    expect(await hardStateOn(disk)).toEqual(HARD_STATE);
  });
});
