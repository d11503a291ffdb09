import { readFileSync } from 'node:fs';
import path from 'node:path';
import { codeName, describeReason, REASONS } from './index';

const table = Object.entries(REASONS)
  .map(
    ([reason, { code, meaning, remedy }]) =>
      `| \`${reason}\` | ${codeName(code)} | ${meaning} | ${remedy} |`,
  )
  .join('\n');

it('are upper snake case, and say what to do', () => {
  for (const [reason, { meaning, remedy }] of Object.entries(REASONS)) {
    expect(reason).toMatch(/^[A-Z][A-Z0-9_]*$/);
    expect([reason, meaning.endsWith('.'), remedy.endsWith('.')]).toEqual([reason, true, true]);
  }
});

it('are the table of docs/reference/errors.md', () => {
  const page = path.join(__dirname, '../../../docs/reference/errors.md');
  expect(readFileSync(page, 'utf8')).toContain(table);
});

it('can be looked up by name', () => {
  expect(describeReason('NO_LEADER')?.remedy).toContain('election');
  expect(describeReason('toString')).toBeUndefined();
});
