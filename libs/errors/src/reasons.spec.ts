import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Code, codeName, describeReason, REASONS } from './index';

const workspaceRoot = path.join(__dirname, '../../..');

const table = Object.entries(REASONS)
  .map(
    ([reason, { code, meaning, remedy }]) =>
      `| \`${reason}\` | ${code === undefined ? 'several' : codeName(code)} | ${meaning} | ${remedy} |`,
  )
  .join('\n');

/** A place in the sources that names a reason, and the code that it goes with there, if that is on the spot. */
interface Use {
  readonly file: string;
  readonly reason: string;
  readonly code: Code | undefined;
}

/** `unavailable('NO_LEADER', …`, `code: Code.unavailable, reason: 'NO_LEADER'`, and `reason: 'A' | 'B'` in types. */
const HELPER = /\b([a-z]\w+)\(\s*'([A-Z][A-Z0-9_]*)'/g;
const FIELDS = /\bcode: Code\.(\w+),\s*reason: '([A-Z][A-Z0-9_]*)'/g;
const REASON = /\breason\??\s*(?::|={1,3})\s*('[A-Z][A-Z0-9_]*'(?:\s*\|\s*'[A-Z][A-Z0-9_]*')*)/g;

function usesIn(file: string): Use[] {
  const text = readFileSync(path.join(workspaceRoot, file), 'utf8');
  if (!text.includes('@raftway/errors')) return [];
  const coded = [...text.matchAll(HELPER), ...text.matchAll(FIELDS)].flatMap(
    ([, name = '', reason = '']) =>
      Object.hasOwn(Code, name) ? [{ file, reason, code: Code[name as keyof typeof Code] }] : [],
  );
  const plain = [...text.matchAll(REASON)].flatMap(([, reasons = '']) =>
    reasons.split('|').map((reason) => reason.trim().slice(1, -1)),
  );
  return [...coded, ...plain.map((reason) => ({ file, reason, code: undefined }))];
}

const sources = globSync('{apps,libs}/*/src/**/*.ts', { cwd: workspaceRoot }).filter(
  (file) => !file.includes('.spec.') && !file.includes('/gen/'),
);

describe('reasons', () => {
  it('are upper snake case, and say what to do', () => {
    for (const [reason, { meaning, remedy }] of Object.entries(REASONS)) {
      expect(reason).toMatch(/^[A-Z][A-Z0-9_]*$/);
      expect([reason, meaning.endsWith('.'), remedy.endsWith('.')]).toEqual([reason, true, true]);
    }
  });

  it('are the table of docs/reference/errors.md', () => {
    const page = path.join(workspaceRoot, 'docs/reference/errors.md');
    expect(readFileSync(page, 'utf8')).toContain(`${table}\n`);
  });

  it('can be looked up by name', () => {
    expect(describeReason('NO_LEADER')?.remedy).toContain('election');
    expect(describeReason('toString')).toBeUndefined();
  });
});

describe('the sources of the workspace', () => {
  const uses = sources.flatMap(usesIn);

  it('use reasons of the table, with its codes', () => {
    expect(uses.length).toBeGreaterThan(50);
    const wrong = uses.filter(({ reason, code }) => {
      const entry = describeReason(reason);
      const differs = code !== undefined && entry?.code !== undefined && code !== entry.code;
      return entry === undefined || differs;
    });
    expect(wrong).toEqual([]);
  });

  it('use every reason of the table', () => {
    const texts = sources
      .filter((file) => !file.endsWith('errors/src/reasons.ts'))
      .map((file) => readFileSync(path.join(workspaceRoot, file), 'utf8'));
    // A status without details gets the name of its code as its reason.
    const isUsed = (reason: string, code: Code | undefined) =>
      (code !== undefined && reason === codeName(code)) ||
      texts.some((text) => text.includes(`'${reason}'`));

    const unused = Object.entries(REASONS).filter(([reason, { code }]) => !isUsed(reason, code));

    expect(unused.map(([reason]) => reason)).toEqual([]);
  });
});
