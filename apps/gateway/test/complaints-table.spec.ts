import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const WORKSPACE = resolve(__dirname, '..', '..', '..');
const table = readFileSync(join(WORKSPACE, 'docs/internals/complaints.md'), 'utf8');
const rows = table.split('\n').filter((line) => /^\| (#\d+|also) /.test(line));

describe('the table of complaints', () => {
  it('names tests that are there', () => {
    expect(rows.length).toBeGreaterThan(12);
    for (const row of rows) {
      const [, file = '', title = ''] = /\]\(\.\.\/\.\.\/([^)]+)\) ([^|]+?) *\|$/.exec(row) ?? [];
      // Markdown may have escaped what a title contains.
      const plain = title.replace(/\\([*_[\]])/g, '$1');
      const found = plain !== '' && readFileSync(join(WORKSPACE, file), 'utf8').includes(plain);
      expect({ row, found }).toEqual({ row, found: true });
    }
  });
});
