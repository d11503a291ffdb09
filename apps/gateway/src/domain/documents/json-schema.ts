import { z } from 'zod';
import { documentKinds } from './kinds';

/** JSON Schema (draft 2020-12) of one document of any kind, for editors. Made from what validates documents. */
export function documentsJsonSchema(): Record<string, unknown> {
  const kinds = Object.entries(documentKinds).map(([kind, { schema }]) => [
    kind,
    withoutDialect(z.toJSONSchema(schema, { io: 'input' })),
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A document of the Raftway gateway',
    oneOf: Object.keys(documentKinds).map((kind) => ({ $ref: `#/$defs/${kind}` })),
    $defs: Object.fromEntries(kinds),
  };
}

/** The dialect is said once, at the top. */
function withoutDialect({
  $schema: _,
  ...schema
}: Record<string, unknown>): Record<string, unknown> {
  return schema;
}
