import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { readApps } from './catalogue/read-apps';
import { committedCatalogue, generate } from './generate';

// The list of metrics from the built apps, and the dashboards, alerts and tables that are made from it.
//
//   npm run generate            writes them
//   npm run check-generated     fails when what is committed differs
const WORKSPACE = resolve(__dirname, '..', '..', '..');

async function main(): Promise<void> {
  const catalogue = readApps(WORKSPACE, committedCatalogue(WORKSPACE));
  const files = await formatted(generate(WORKSPACE, catalogue));
  const changed = [...files].filter(([file, content]) => read(file) !== content);
  if (!process.argv.includes('--check')) {
    for (const [file, content] of changed) {
      mkdirSync(dirname(join(WORKSPACE, file)), { recursive: true });
      writeFileSync(join(WORKSPACE, file), content);
    }
    console.log(`metrics, dashboards and alerts: ${changed.length} of ${files.size} files changed`);
    return;
  }
  if (changed.length === 0) {
    console.log('metrics, dashboards and alerts match the apps');
    return;
  }
  console.error('metrics, dashboards or alerts do not match the apps; run `npm run generate`:');
  for (const [file] of changed) console.error(`  ${file}`);
  process.exitCode = 1;
}

/** As `npm run format` would leave them. */
async function formatted(files: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const entries = [...files].map(async ([file, content]): Promise<[string, string]> => {
    const filepath = join(WORKSPACE, file);
    return [file, await format(content, { ...(await resolveConfig(filepath)), filepath })];
  });
  return new Map(await Promise.all(entries));
}

function read(file: string): string | undefined {
  const path = join(WORKSPACE, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

void main();
