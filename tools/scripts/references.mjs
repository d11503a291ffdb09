// Writes the pages of docs/reference that say what the sources say. Needs the apps and the CLI built.
//
//   npm run generate            writes them
//   npm run check-generated     fails when one differs from the sources
import { loadBuilt } from './lib.mjs';
import { ERRORS_FILE, errorsPage } from './references/errors.mjs';
import { optionsPage } from './references/options.mjs';
import { rpcsPage } from './references/rpcs.mjs';
import { writeOrCheck } from './write-or-check.mjs';

const { documentsJsonSchema } = loadBuilt('apps/gateway/dist/domain/documents/json-schema.js');
const { REFERENCE_FILE, renderReference } = loadBuilt('tools/cli/dist/reference/reference.js');

await writeOrCheck(
  'references',
  'sources',
  new Map([
    [REFERENCE_FILE, renderReference()],
    ['docs/reference/options.md', optionsPage()],
    ['docs/reference/rpcs.md', rpcsPage()],
    [ERRORS_FILE, errorsPage()],
    ['docs/reference/gateway-documents.schema.json', JSON.stringify(documentsJsonSchema())],
  ]),
);
