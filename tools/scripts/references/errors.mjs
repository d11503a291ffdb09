// docs/reference/errors.md: its table of reasons, between texts that people write.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadBuilt, root } from '../lib.mjs';
import { table } from './markdown.mjs';

export const ERRORS_FILE = 'docs/reference/errors.md';
const BEGIN = '<!-- npm run generate writes what follows -->\n\n';
const END = '\n<!-- npm run generate wrote what is above -->';

export function errorsPage() {
  const { codeName, REASONS } = loadBuilt('libs/errors/dist/index.js');
  const rows = Object.entries(REASONS).map(([reason, { code, meaning, remedy }]) => [
    `\`${reason}\``,
    code === undefined ? 'several' : codeName(code),
    meaning,
    remedy,
  ]);
  const page = readFileSync(path.join(root, ERRORS_FILE), 'utf8');
  const [before, rest] = page.split(BEGIN);
  const [, after] = rest?.split(END) ?? [];
  if (after === undefined) throw new Error(`${ERRORS_FILE} lacks the marks around its table`);
  return [
    before,
    BEGIN,
    table(['reason', 'code', 'what happened', 'what to do'], rows),
    END,
    after,
  ].join('');
}
