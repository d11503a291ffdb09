// What the scripts that make files from the built workspace have in common.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from './lib.mjs';

/**
 * Writes generated files, as `npm run format` would leave them; with `--check` on the command line it writes nothing, and the process fails when
 * what is committed differs.
 *
 * @param what they are, in the plural. @param source what they are made from, in the plural. @param files content by path from the workspace's root.
 */
export async function writeOrCheck(what, source, files) {
  const changed = [];
  for (const [name, text] of files) {
    const file = path.join(root, name);
    const content = await format(text, { ...(await resolveConfig(file)), filepath: file });
    const found = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
    if (found !== content) changed.push({ name, file, content });
  }
  if (!process.argv.includes('--check')) {
    for (const { file, content } of changed) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    console.log(`${what}: ${changed.length} of ${files.size} files changed`);
    return;
  }
  if (changed.length === 0) {
    console.log(`${what} match the ${source}`);
    return;
  }
  console.error(`${what} do not match the ${source}; run \`npm run generate\`. Different:`);
  for (const { name } of changed) console.error(`  ${name}`);
  process.exitCode = 1;
}
