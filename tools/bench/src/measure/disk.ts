import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const RECORD_BYTES = 512;
const PROBE_MS = 1000;

/** Names of file systems by their magic number (statfs(2)). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlayfs',
};

/** The disk below the servers. */
export interface DiskFacts {
  readonly fileSystem: string;
  /** Appends of 512 bytes, each with an fdatasync, one after the other. */
  readonly syncsPerSecond: number;
}

/** Measures the disk for a second: what one sync costs bounds what all contenders can do one at a time. */
export async function probeDisk(directory: string): Promise<DiskFacts> {
  const { type } = await statfs(directory);
  const handle = await open(join(directory, 'sync-probe'), 'w');
  const record = Buffer.alloc(RECORD_BYTES, 1);
  const startedMs = performance.now();
  let count = 0;
  try {
    for (; performance.now() - startedMs < PROBE_MS; count += 1) {
      await handle.write(record, 0, RECORD_BYTES, count * RECORD_BYTES);
      await handle.datasync();
    }
  } finally {
    await handle.close();
  }
  const syncsPerSecond = (count * 1000) / (performance.now() - startedMs);
  return { fileSystem: FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`, syncsPerSecond };
}
