import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Compares a text with the golden file `test/golden/<name>.txt`. With UPDATE_GOLDEN=1 it is written instead: look at
 * the difference before you commit it.
 */
export function expectGolden(name: string, text: string): void {
  const path = join(__dirname, '..', 'golden', `${name}.txt`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  }
  expect(`${text}\n`).toBe(readFileSync(path, 'utf8'));
}
