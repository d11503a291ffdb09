import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { REFERENCE_FILE, renderReference } from './reference';

// What `npm run generate` runs last.
writeFileSync(join(resolve(__dirname, '..', '..', '..', '..'), REFERENCE_FILE), renderReference());
