// Writes the pages of docs/reference that say what the sources say. Needs the apps and the CLI built.
//
//   npm run generate            writes them
//   npm run check-generated     fails when one differs from the sources
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from './lib.mjs';
import { ERRORS_FILE, errorsPage } from './references/errors.mjs';
import { optionsPage } from './references/options.mjs';
import { rpcsPage } from './references/rpcs.mjs';

const require = createRequire(import.meta.url);
const load = (file) => require(path.join(root, file));

const pages = {
  'docs/reference/cli.md': load('tools/cli/dist/reference/reference.js').renderReference(),
  'docs/reference/options.md': optionsPage(load),
  'docs/reference/rpcs.md': rpcsPage(),
  [ERRORS_FILE]: errorsPage(load),
};
const isCheck = process.argv.includes('--check');

for (const [name, text] of Object.entries(pages)) {
  const file = path.join(root, name);
  const page = await format(text, { ...(await resolveConfig(file)), filepath: file });
  const found = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  if (found === page) continue;
  if (isCheck) {
    console.error(`${name} does not match the sources; run \`npm run generate\``);
    process.exitCode = 1;
  } else {
    writeFileSync(file, page);
    console.log(`${name} written`);
  }
}
if (isCheck && process.exitCode === undefined) {
  console.log(`${Object.keys(pages).join(', ')} match the sources`);
}
