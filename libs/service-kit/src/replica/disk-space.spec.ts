import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createMetrics } from '@raftway/observability';
import { reportDiskSpace } from './disk-space';

const SIZE = /^raftway_raft_disk_size_bytes (\d+)$/m;
const FREE = /^raftway_raft_disk_free_bytes (\d+)$/m;

it('shows the disk under the data directory, at the second scrape at the latest', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'raftway-disk-space-'));
  try {
    const metrics = createMetrics({ processMetrics: false });
    reportDiskSpace(metrics, directory);
    let text = await metrics.text();
    while (SIZE.exec(text)?.[1] === '0') {
      await delay(5);
      text = await metrics.text();
    }
    const { blocks, bsize } = statfsSync(directory);
    expect(Number(SIZE.exec(text)?.[1])).toBe(blocks * bsize);
    expect(Number(FREE.exec(text)?.[1])).toBeGreaterThan(0);
    expect(Number(FREE.exec(text)?.[1])).toBeLessThanOrEqual(blocks * bsize);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

it('says 0 while there is no such directory, and fails no scrape', async () => {
  const metrics = createMetrics({ processMetrics: false });
  reportDiskSpace(metrics, path.join(tmpdir(), 'raftway-not-there', 'at-all'));
  await metrics.text();
  await delay(0);
  expect(SIZE.exec(await metrics.text())?.[1]).toBe('0');
});
