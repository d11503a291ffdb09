/* eslint-disable no-console -- of command line programs */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { documentRun } from './document';

/** What a run gets. */
export interface RunPlace {
  /** A folder of its own; it is kept when something was found. */
  readonly dataDir: string;
  readonly report: (line: string) => void;
}

/**
 * Does a run of a command line program and tells its verdict.
 *
 * @param name the run's, also in docs/reference/verification.md. @param documentIn the workspace whose page gets what was told; undefined for none.
 * @param run yields what it found, one line each; none when all is well.
 * @returns the exit code
 */
export async function judgedRun(
  name: string,
  documentIn: string | undefined,
  run: (place: RunPlace) => Promise<readonly string[]>,
): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), `raftway-${name}-`));
  const lines: string[] = [];
  const report = (line: string): void => {
    lines.push(line);
    console.log(line);
  };
  const findings = await run({ dataDir, report });
  for (const finding of findings) console.error(finding);
  if (documentIn !== undefined) documentRun(documentIn, name, [...lines, ...findings]);
  console.log(findings.length === 0 ? 'PASSED' : `FAILED; logs are in ${dataDir}`);
  if (findings.length === 0) rmSync(dataDir, { recursive: true, force: true });
  return findings.length === 0 ? 0 : 1;
}
