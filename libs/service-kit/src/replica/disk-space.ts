import { statfs } from 'node:fs/promises';
import type { Metrics } from '@raftway/observability';

/**
 * Reports the room on the disk under a directory. A scrape shows what was read at the one before, because a disk that hangs must not hold up a scrape; one question
 * is open at most. Both figures are 0 until the directory exists.
 *
 * @param directory undefined for a replica that has none: both stay 0
 */
export function reportDiskSpace(metrics: Metrics, directory: string | undefined): void {
  const free = metrics.gauge({
    name: 'raftway_raft_disk_free_bytes',
    help: 'Room that is left for this replica on the disk of its data directory.',
  });
  const size = metrics.gauge({
    name: 'raftway_raft_disk_size_bytes',
    help: 'Size of the disk of the data directory; 0 until it is known.',
  });
  if (directory === undefined) return;
  let asking = false;
  const ask = async (): Promise<void> => {
    asking = true;
    try {
      const { bavail, blocks, bsize } = await statfs(directory);
      free.set(bavail * bsize);
      size.set(blocks * bsize);
    } catch {
      // The directory is made when the replica starts; whatever is wrong with it later, the replica itself reports.
    } finally {
      asking = false;
    }
  };
  metrics.onScrape(() => {
    if (!asking) void ask();
  });
}
