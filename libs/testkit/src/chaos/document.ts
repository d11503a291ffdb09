import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** Puts the output of a run between `<!-- name -->` and `<!-- /name -->` of docs/reference/verification.md, with what it ran on. */
export function documentRun(workspace: string, name: string, lines: readonly string[]): void {
  const file = join(workspace, 'docs', 'reference', 'verification.md');
  const text = readFileSync(file, 'utf8');
  const [before, rest] = text.split(`<!-- ${name} -->`);
  const after = rest?.split(`<!-- /${name} -->`)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${file} has no place for ${name}`);
  const block = ['```text', machine(workspace), '', ...lines, '```'].join('\n');
  writeFileSync(file, `${before}<!-- ${name} -->\n\n${block}\n\n<!-- /${name} -->${after}`);
}

function machine(workspace: string): string {
  const revision = execFileSync('git', ['-C', workspace, 'rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
  }).trim();
  return `revision ${revision}, Node ${process.version}, ${process.platform}, ${availableParallelism()} CPUs`;
}
