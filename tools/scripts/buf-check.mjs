// `buf lint`, or `buf breaking` against the protos of the main branch.
//
//   node tools/scripts/buf-check.mjs lint
//   node tools/scripts/buf-check.mjs breaking     (RAFTWAY_BREAKING_AGAINST=<git ref> for another base)
import { spawnSync } from 'node:child_process';
import { buf, root } from './lib.mjs';

const [mode] = process.argv.slice(2);
if (mode === 'lint') {
  process.exitCode = buf(['lint'], { stdio: 'inherit' }).status ?? 1;
} else if (mode === 'breaking') {
  process.exitCode = breaking(process.env.RAFTWAY_BREAKING_AGAINST || 'main');
} else {
  console.error('usage: buf-check.mjs lint|breaking');
  process.exitCode = 2;
}

function breaking(ref) {
  const tree = spawnSync('git', ['ls-tree', '-r', '--name-only', ref, '--', 'protos'], {
    cwd: root,
    encoding: 'utf8',
  });
  const protos = (tree.stdout ?? '').split('\n').filter((file) => file.endsWith('.proto'));
  if (tree.status !== 0 || protos.length === 0) {
    console.log(`buf breaking: skipped, git has no protos at ${ref} to compare with`);
    return 0;
  }
  return buf(['breaking', '--against', `.git#ref=${ref}`], { stdio: 'inherit' }).status ?? 1;
}
