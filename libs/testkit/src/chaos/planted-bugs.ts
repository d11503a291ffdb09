import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { applyChange, type SourceChange } from '../planted/bug';

/** A mistake, as a change of built code. */
export interface PlantedBug {
  readonly name: string;
  /** Whose history has it, or what it would mean. */
  readonly story: string;
  /** Which program has to find it. */
  readonly foundBy: 'chaos' | 'leases';
  readonly changes: readonly SourceChange[];
}

/** Mistakes that a run must find, or its verdicts mean nothing. None of them is found by a check that was written for it. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'reads-without-read-index',
    story:
      'replicas answer from what they have (etcd 0.4.1 and Consul in 2014: aphyr.com/posts/316)',
    foundBy: 'chaos',
    changes: [
      {
        file: 'libs/raft/dist/node/driver.js',
        find: 'const reached = this.reads.add(call, this.options);',
        replace: 'const reached = Promise.resolve();',
      },
    ],
  },
  {
    name: 'tokens-start-again-with-each-leader',
    story:
      'fencing tokens are counted by the leader (a Redis failover loses the INCR behind Redisson’s)',
    foundBy: 'chaos',
    changes: [
      {
        file: 'libs/raft/dist/client-sessions/deduplicated-state-machine.js',
        find: 'const { index, stampMs: nowMs } = entry;',
        replace: 'const { index, stampMs: nowMs } = entry; globalThis.plantedTerm = entry.term;',
      },
      {
        file: 'apps/lock-service/dist/domain/lock-table.js',
        find: 'const token = Math.max(context.index, newestToken + 1);',
        replace:
          'if (this.plantedTerm !== globalThis.plantedTerm) { this.plantedTerm = globalThis.plantedTerm; this.plantedToken = 0; } ' +
          'const token = (this.plantedToken += 1);',
      },
    ],
  },
  {
    name: 'commit-without-a-majority',
    story: 'a leader answers once its own disk has the entry (Redis, NATS with its defaults)',
    foundBy: 'chaos',
    changes: [
      {
        file: 'libs/raft/dist/core/commitment.js',
        find: 'const index = (0, quorum_1.jointQuorumValue)(state.configurations.majorities, (id) => matchIndexOf(state, id));',
        replace:
          'const index = Math.max(...state.configurations.voters.map((id) => matchIndexOf(state, id)));',
      },
    ],
  },
  {
    name: 'request-ids-are-ignored',
    story: 'a retry after a failover is applied a second time',
    foundBy: 'chaos',
    changes: [
      {
        file: 'libs/raft/dist/client-sessions/deduplicated-state-machine.js',
        find: "entry.clientId === '' ? undefined : this.table.find(entry.clientId, entry.sequence);",
        replace: 'undefined;',
      },
    ],
  },
  {
    name: 'renewals-change-nothing',
    story: 'a watchdog that is answered and does not renew (Redisson issue 5698)',
    foundBy: 'chaos',
    changes: [
      {
        file: 'apps/lock-service/dist/domain/lock-table.js',
        find: 'this.sessions.renew(session, nowMs);',
        replace: '',
      },
    ],
  },
  {
    name: 'wall-clock-instead-of-log-clock',
    story:
      'a new leader counts the time during which nobody could renew (etcd issue 15247 is a relative)',
    foundBy: 'leases',
    changes: [
      {
        file: 'libs/raft/dist/core/log-clock.js',
        find: 'this.valueMs = startMs;',
        replace: 'this.valueMs = Math.max(startMs, Date.now());',
      },
    ],
  },
];

/** Copies what the services run from, with the bug in it. Nothing in the workspace is changed. */
export function plant(bug: PlantedBug, workspace: string, target: string): void {
  const modules = join(target, 'node_modules');
  mkdirSync(modules, { recursive: true });
  for (const name of readdirSync(join(workspace, 'node_modules'))) {
    if (name === '@raftway') continue;
    symlinkSync(join(workspace, 'node_modules', name), join(modules, name));
  }
  // Links relative to the workspace: in the copy they lead into the copy.
  const own = join('node_modules', '@raftway');
  cpSync(join(workspace, own), join(target, own), { recursive: true, verbatimSymlinks: true });
  for (const kind of ['apps', 'libs']) {
    for (const name of readdirSync(join(workspace, kind))) {
      for (const part of ['package.json', 'dist']) {
        const from = join(workspace, kind, name, part);
        if (existsSync(from)) cpSync(from, join(target, kind, name, part), { recursive: true });
      }
    }
  }
  for (const change of bug.changes) {
    const path = join(target, change.file);
    writeFileSync(path, applyChange(bug.name, readFileSync(path, 'utf8'), change));
  }
}
