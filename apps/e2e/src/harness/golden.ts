import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Compares a text with the golden file `golden/<name>.txt` of this project. With UPDATE_GOLDEN=1 it is written instead: look at
 * the difference before you commit it.
 */
export function expectGolden(name: string, text: string): void {
  const path = join(__dirname, '..', '..', 'golden', `${name}.txt`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  }
  expect(`${text}\n`).toBe(readFileSync(path, 'utf8'));
}

/**
 * A screen of `raftway status` or `raftway doctor` without what differs between two runs: who leads, terms and indexes, directories,
 * process ids, and the widths of columns; and without services that were added to the suite.
 */
export function normalized(screen: string, dataDir: string): string {
  return screen
    .trimEnd()
    .replaceAll(dataDir, '<data>')
    .replaceAll(/leader [\w-]+, term \d+/g, 'leader <one>, term <n>')
    .replaceAll(
      / (leader|follower|candidate|pre-candidate) +voter +(\d+ +){3}(\d+|-) +/g,
      ' <role> voter <n> ',
    )
    .replaceAll(/process \d+/g, 'process <pid>')
    .replaceAll(/all \d+ processes/g, 'all <n> processes')
    .replaceAll(/^ {2}(?!raftway\.|helloworld\.)[\w.]+ +serving\n/gm, '')
    .replaceAll(/node v[\d.]+/g, 'node <version>')
    .replaceAll(/release [\d.]+/g, 'release <version>')
    .split('\n')
    .map((line) => line.replaceAll(/(?<=\S) {2,}/g, '  '))
    .join('\n');
}
