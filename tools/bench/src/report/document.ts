import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Suite, Supplement } from '../suites/suite';
import { asMarkdown, type Table } from './table';

const run = promisify(execFile);
const FILE = join('docs', 'reference', 'benchmarks.md');

/** What a run has found, ready to be written down. */
export interface Findings {
  readonly suite: Suite;
  readonly table: Table;
  readonly supplements: readonly Supplement[];
  readonly environment: readonly string[];
  /** One line each: what was wanted, and whether it was reached. */
  readonly targets: readonly string[];
  readonly secondsPerLevel: number;
}

const HEAD = `# Benchmarks

Raftway beside the servers that one would use instead. \`npm run bench -- locks\` (or \`gateway\`, or \`raft\`) measures one suite, prints
the table and replaces its section here; nothing below is written by hand.

## Method

- All contenders run at the same time on one machine, on loopback, and are measured by turns with the same client: each level of load in two
  rounds, Raftway first, each round after a warm-up. What else the machine does meets all of them alike. Ratios are worth more than figures.
- The load is a closed loop: so many operations in flight, and a new one begins when one ends.
- Whoever replicates does it three times, with all data directories on one disk. etcd and Raftway sync the log on a majority before they
  acknowledge (etcd with its defaults, Raftway always). Redis runs with \`appendfsync always\`.
- _syncs/op_ are batches made durable, on all replicas together, for each operation: below 1, operations share syncs. They come from the
  servers' metrics (\`raftway_raft_persist_duration_seconds_count\`, \`etcd_disk_wal_fsync_duration_seconds_count\`).
- _CPU/op_ is the CPU time of all server processes, user and system, from \`/proc/<pid>/stat\`, for each operation. It depends less on
  what else the machine does than operations a second. Where client and servers share the cores, what one takes the others miss.
- _memory_ is what is resident in all server processes at the end of a level.
- The peers come from Debian's packages; \`npm run bench\` installs them when it runs as root.
`;

/** Puts a suite's findings into docs/reference/benchmarks.md in place of its earlier ones; yields the file's path. */
export async function writeDocument(root: string, findings: Findings): Promise<string> {
  const file = join(root, FILE);
  const before = await readFile(file, 'utf8').catch(() => '');
  await writeFile(file, withSection(before, findings.suite.name, sectionOf(findings)));
  await run(join(root, 'node_modules', '.bin', 'prettier'), ['--write', file]);
  return FILE;
}

/** The document with one section replaced or added. Sections stand between comments that name their suite. */
export function withSection(document: string, name: string, section: string): string {
  const sections = new Map<string, string>();
  for (const [, found = '', text = ''] of document.matchAll(
    /<!-- suite (\w+) -->\n([\s\S]*?)<!-- end -->/g,
  )) {
    sections.set(found, text.trim());
  }
  sections.set(name, section.trim());
  const parts = [...sections]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([of, text]) => `<!-- suite ${of} -->\n\n${text}\n\n<!-- end -->\n`);
  return [HEAD, ...parts].join('\n');
}

function sectionOf(findings: Findings): string {
  const { suite, table, supplements, environment, targets, secondsPerLevel } = findings;
  const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');
  const more = supplements.map(
    (one) => `### ${one.title}\n\n${asMarkdown(one.table)}\n\n${list(one.method)}\n`,
  );
  return `## ${suite.title}

${asMarkdown(table)}

${list(targets)}

_Operation:_ ${suite.operation}, ${secondsPerLevel} seconds a level and server.

${list(suite.method)}

${more.join('\n')}
_Measured:_

${list(environment)}
`;
}
