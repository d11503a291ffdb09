import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';

/** Mistakes with snapshots, and with the time that the log keeps. */
export const SNAPSHOT_AND_CLOCK_BUGS: readonly SimulatedBug[] = [
  {
    name: 'failed-transfer-forgotten',
    story: 'a snapshot whose transfer failed is never sent again',
    source: 'hashicorp/raft #212 and braft #423 are the opposite, a loop; scenario S3',
    changes: [
      {
        file: `${CORE}/replication.ts`,
        find: "if (progress?.state !== 'snapshot') return;",
        replace: "if (progress?.state === 'snapshot' || progress === undefined) return;",
      },
    ],
  },
  {
    name: 'log-purged-during-transfer',
    story: 'entries that a follower needs right after the snapshot on its way to it are let go',
    source: 'openraft #1706; scenario S2',
    changes: [
      {
        file: `${CORE}/snapshot.ts`,
        find: "if (progress.state === 'snapshot') keepFrom = Math.min(keepFrom, progress.pendingSnapshotIndex);",
        replace: 'void progress;',
      },
    ],
  },
  {
    name: 'older-snapshot-installed',
    story: 'a snapshot replaces the log though the log is further',
    source: 'Raft §7; scenario S6',
    changes: [
      {
        file: `${CORE}/follower.ts`,
        find: `  if (state.log.termAt(index) === snapshot.lastIncludedTerm) {`,
        replace: `  if (index < state.log.baseIndex) {`,
      },
      {
        file: `${CORE}/follower.ts`,
        find: '} else if (index > state.log.commitIndex) {',
        replace: '} else {',
      },
    ],
  },
  {
    name: 'configuration-of-snapshot-forgotten',
    story: 'a restart does not take the configuration from its snapshot',
    source: 'dissertation §5.1; scenario C9',
    changes: [
      {
        file: `${CORE}/recovery.ts`,
        find: 'if (snapshot !== undefined) configurations.add(snapshotIndex, snapshot.configuration);',
        replace: '',
      },
    ],
  },
  {
    name: 'snapshot-not-in-the-log',
    story: 'the log on disk does not note that it continues from a received snapshot',
    source: 'scenario S5; raft-wal’s recovery list',
    changes: [
      {
        file: `${CORE}/follower.ts`,
        find: '    state.unwrittenSnapshot = snapshot;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'log-clock-from-wall-clock',
    story: 'a new leader goes on from its wall clock',
    source: 'etcd #15247 is a relative; scenario L5',
    changes: [
      {
        file: `${CORE}/log-clock.ts`,
        find: 'this.valueMs = startMs;',
        replace: 'this.valueMs = Math.max(startMs, Date.now());',
      },
    ],
  },
  {
    name: 'log-clock-counts-frozen-time',
    story: 'a leader that was frozen counts the time in which nobody could renew',
    source: 'etcd #15247; the head of log-clock.ts',
    changes: [
      {
        file: `${CORE}/log-clock.ts`,
        find: `    const passedMs = Math.min(nowMs, this.boundMs) - this.observedMs;
    return this.valueMs + Math.min(Math.max(passedMs, 0), this.stretchMaxMs);`,
        replace: `    const passedMs = nowMs - this.observedMs;
    return this.valueMs + Math.max(passedMs, 0);`,
      },
    ],
  },
  {
    name: 'log-clock-starts-with-the-process',
    story: 'a new leader’s clock continues from the start of its process',
    source: 'the head of log-clock.ts, 3',
    changes: [
      {
        file: `${CORE}/state.ts`,
        find: 'new LogClock(state.log.lastStampMs, state.nowMs,',
        replace: 'new LogClock(Math.max(state.log.lastStampMs, state.nowMs), state.nowMs,',
      },
    ],
  },
];
