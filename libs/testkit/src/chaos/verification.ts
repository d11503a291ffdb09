/* eslint-disable no-console -- a command line program */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { documentRun } from './document';

/** The folder that this is built in. */
export const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');

/** Where a run leaves its files, and what it tells. */
export interface RunPlace {
  readonly dataDir: string;
  readonly report: (line: string) => void;
}

/**
 * Makes a run that yields what is wrong, and says whether there was anything: its files are kept then. Yields the exit status.
 *
 * @param name of the run, and of its place in docs/reference/verification.md, into which its lines go when it `isDocumented`
 */
export async function verify(
  name: string,
  isDocumented: boolean,
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
  if (isDocumented) documentRun(WORKSPACE, name, [...lines, ...findings]);
  console.log(findings.length === 0 ? 'PASSED' : `FAILED; logs are in ${dataDir}`);
  if (findings.length === 0) rmSync(dataDir, { recursive: true, force: true });
  return findings.length === 0 ? 0 : 1;
}
