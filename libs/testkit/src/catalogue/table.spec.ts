import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');
const TABLE = 'docs/internals/catalogue.md';

/** Every scenario of the catalogue; E6 to E11 as well as those that are open. */
const CODES: Readonly<Record<string, number>> = {
  E: 11,
  R: 12,
  L: 8,
  C: 12,
  S: 9,
  D: 10,
  N: 5,
  X: 6,
  J: 3,
};

const table = readFileSync(join(WORKSPACE, TABLE), 'utf8');
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | ?\|$/g, '').trim()));

describe('the table of scenarios', () => {
  it('has every scenario', () => {
    const codes = Object.entries(CODES).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_unused, offset) => `${letter}${offset + 1}`),
    );
    const listed = new Set(rows.map(([code]) => code));
    expect(codes.filter((code) => !listed.has(code))).toEqual([]);
  });

  it('names tests that are there', () => {
    const links = [...table.matchAll(/\]\(\.\.\/\.\.\/([^)]+)\) ([^|]+?) *\|/g)];
    expect(links.length).toBeGreaterThan(100);
    for (const [, file = '', title = ''] of links) {
      // Markdown may have escaped what a title contains.
      const plain = title.replace(/\\([*_[\]])/g, '$1');
      expect({
        file,
        found: readFileSync(join(WORKSPACE, file), 'utf8').includes(plain),
        plain,
      }).toEqual({ file, found: true, plain });
    }
  });

  it('says of every scenario whether it is tested, and why not', () => {
    for (const [code = '', , test, status = ''] of rows.filter(([name]) =>
      /^[A-Z]\d+$/.test(name ?? ''),
    )) {
      expect({ code, isTested: test !== '' }).toEqual({ code, isTested: status === 'tested' });
    }
  });
});
