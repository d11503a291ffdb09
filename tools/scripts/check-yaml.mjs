// Fails when a YAML file below the given folders does not parse, or repeats a key.
//
//   node tools/scripts/check-yaml.mjs k8s docker
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { filesBelow, root } from './lib.mjs';

let checked = 0;
for (const folder of process.argv.slice(2)) {
  for (const file of filesBelow(path.join(root, folder))) {
    if (!/\.ya?ml$/.test(file)) continue;
    checked += 1;
    const name = path.join(folder, file);
    for (const document of parseAllDocuments(readFileSync(path.join(root, name), 'utf8'))) {
      for (const problem of [...document.errors, ...document.warnings]) {
        console.error(`${name}: ${problem.message}`);
        process.exitCode = 1;
      }
    }
  }
}
console.log(`${checked} YAML files checked`);
