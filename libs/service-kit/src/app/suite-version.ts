import { readFileSync } from 'node:fs';
import { join } from 'node:path';

let version: string | undefined;

/** Which release of the suite this is: all its packages have the same version. "unknown" where the package's manifest was left out. */
export function suiteVersion(): string {
  version ??= readVersion();
  return version;
}

function readVersion(): string {
  try {
    const path = join(__dirname, '..', '..', 'package.json');
    return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version;
  } catch {
    return 'unknown';
  }
}
