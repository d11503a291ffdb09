import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';
const STORAGE = 'libs/raft/src/storage';

/** Mistakes on disk, and in what a restart believes. */
export const STORAGE_BUGS: readonly SimulatedBug[] = [
  {
    name: 'log-not-synced',
    story: 'the log is written and not synced',
    source: 'NATS 2.12.1 (Jepsen, December 2025); scenario D3',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: `    await file.sync();
    const syncMs`,
        replace: '    const syncMs',
      },
    ],
  },
  {
    name: 'failed-sync-retried',
    story: 'a failed sync of the log is tried again, and the second one succeeds',
    source: 'fsyncgate; Rebello et al., ATC ’20; scenario D4',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: `    await file.sync();
    const syncMs`,
        replace: `    await file.sync().catch(() => file.sync());
    const syncMs`,
      },
    ],
  },
  {
    name: 'directory-not-synced',
    story: 'a new log segment’s name is not synced',
    source: 'scenario D5',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: `    await this.fileSystem.syncDirectory(this.directory);
    await this.file?.close();`,
        replace: '    await this.file?.close();',
      },
    ],
  },
  {
    name: 'snapshot-name-not-synced',
    story: 'a file that was replaced is reported durable before its name is',
    source: 'scenario D5',
    changes: [
      {
        file: `${STORAGE}/file-system.ts`,
        find: '  await fileSystem.syncDirectory(path.dirname(file));\n',
        replace: '',
      },
    ],
  },
  {
    name: 'snapshot-not-synced',
    story: 'a file is renamed before its contents are synced',
    source: 'scenario D5',
    changes: [
      {
        file: `${STORAGE}/file-system.ts`,
        find: '    await handle.sync();\n  } finally {\n    await handle.close();\n  }\n  await fileSystem.rename',
        replace: '  } finally {\n    await handle.close();\n  }\n  await fileSystem.rename',
      },
    ],
  },
  {
    name: 'checksum-not-compared',
    story: 'a batch of the log is believed whatever its checksum says',
    source: 'scenario D1 and D2',
    changes: [
      {
        file: `${STORAGE}/wal/frame.ts`,
        find: '  if (frame.readUInt32LE(CHECKSUM_OFFSET) !== checksumOf(frame)) return undefined;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'cut-at-first-bad-checksum',
    story: 'a log is cut at the first bad batch, though good ones follow',
    source: 'Alagappan et al., FAST ’18; scenario D2',
    changes: [
      {
        file: `${STORAGE}/wal/recovery.ts`,
        find: 'if (behind !== undefined && behind > due && behind <= due + BATCHES_BEHIND_MAX) {',
        replace: 'if (behind !== undefined && due < 0) {',
      },
      {
        file: `${STORAGE}/wal/recovery.ts`,
        find: 'if (isSuspect) this.suspectTail = { name, offset };',
        replace: '',
      },
    ],
  },
  {
    name: 'rotten-tail-taken-for-unfinished',
    story: 'every bad end of a log is taken for a write that nobody was told of',
    source: 'Alagappan et al., FAST ’18; NATS 2.12.1 (Jepsen, December 2025)',
    changes: [
      {
        file: `${STORAGE}/wal/recovery.ts`,
        find: 'if (isSuspect) this.suspectTail = { name, offset };',
        replace: '',
      },
    ],
  },
  {
    name: 'forgetful-server-counts',
    story: 'a server that may have forgotten what it acknowledged counts like any other',
    source: 'ADR 006; Paxos Made Live',
    changes: [
      {
        file: `${CORE}/raft.ts`,
        find: 'this.state.suspect = initialState.suspectTail !== undefined;',
        replace: '',
      },
    ],
  },
  {
    name: 'unsynced-batch-believed',
    story: 'a restart believes a last batch that is in the kernel’s memory only',
    source: 'ADR 006, found by this simulator; scenario D4',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: '      await this.keep(last, this.file);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'segment-begins-without-the-vote',
    story: 'a new segment does not repeat term and vote, and the older ones are removed',
    source: 'scenario D7 and D10',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: 'frame = encodeFrame(this.nextBatchNumber, { ...batch, hardState: this.hardState });',
        replace: '',
      },
    ],
  },
  {
    name: 'half-written-batch-kept-when-full',
    story: 'what a full disk took of a batch stays in front of the next one',
    source: 'scenario D6',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: `      await file.truncate(this.position);
      await file.truncate(Math.max(this.position, this.segmentBytes));
      throw this.noSpace(error);`,
        replace: `      this.position = Math.max(this.position, this.position + 8);
      throw this.noSpace(error);`,
      },
    ],
  },
  {
    name: 'log-that-lost-beats-snapshot',
    story: 'a restart joins a snapshot with a log that holds something else at its index',
    source: 'ADR 006; scenario S5',
    changes: [
      {
        file: `${CORE}/recovery.ts`,
        find: 'return entries[lastIncludedIndex - first.index]?.term === lastIncludedTerm;',
        replace: 'return true;',
      },
      {
        file: `${STORAGE}/file-storage.ts`,
        find: '(first.index === base + 1 || atBase?.term === snapshot.lastIncludedTerm);',
        replace: '(first.index === base + 1 || atBase !== undefined);',
      },
    ],
  },
  {
    name: 'vote-let-go-with-its-segment',
    story: 'the newest segment that has the vote is removed',
    source: 'ADR 006, found by this simulator in an earlier state; scenario D7',
    changes: [
      {
        file: `${STORAGE}/wal/wal.ts`,
        find: '      if (!younger.some(({ hasHardState }) => hasHardState)) return;\n',
        replace: '      if (younger.length === 0) return;\n',
      },
    ],
  },
];
