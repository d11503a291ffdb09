import { z } from 'zod';
import { strict } from '../strict';
import { metadataName } from './header-names';

/** Keys of one policy, those of its file included. */
export const apiKeysMax = 10_000;

/** Whose a key is. */
const keyId = /^[A-Za-z0-9._@:/+-]{1,128}$/;
/** Of a key, in hexadecimal digits. */
const digest = /^[0-9a-f]{64}$/;

/** `apiKeys` of a SecurityPolicy. */
export const apiKeysSchema = strict({
  header: metadataName().default('x-api-key').describe('Where the key is.'),
  forward: z.boolean().default(false).describe('Whether instances get the key, too.'),
  keys: z
    .array(
      strict({
        id: z
          .string()
          .regex(keyId, 'must be 1 to 128 letters, digits and . _ @ : / + -')
          .describe('Whose it is: what rules and instances know the caller by.'),
        sha256: z
          .string()
          .regex(digest, 'must be 64 hexadecimal digits in lower case: raftway gateway api-key')
          .describe('SHA-256 of the key.'),
      }),
    )
    .min(1)
    .max(apiKeysMax)
    .refine(
      (keys) => new Set(keys.map(({ sha256 }) => sha256)).size === keys.length,
      'a key is there twice',
    )
    .optional(),
  file: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      'A file with further keys, read again every 5 s: `id sha256` a line, # for comments.',
    ),
})
  .refine(
    ({ keys, file }) => keys !== undefined || file !== undefined,
    'keys or file must be given',
  )
  .describe('Callers show a key of which the gateway has the hash.');

/** A key. */
export interface ApiKey {
  readonly id: string;
  /** SHA-256 in hexadecimal digits. */
  readonly sha256: string;
}

/** `apiKeys`, compiled. */
export interface ApiKeySettings {
  readonly header: string;
  readonly forward: boolean;
  readonly keys: readonly ApiKey[];
  readonly file: string | undefined;
}

/** What a policy says of API keys. */
export function compileApiKeys({
  header,
  forward,
  keys = [],
  file,
}: z.output<typeof apiKeysSchema>): ApiKeySettings {
  return { header, forward, keys, file };
}

/** Reads a file of keys. Returns what is wrong with it, without a word of its text, as that may be a key. */
export function parseApiKeys(text: string): readonly ApiKey[] | string {
  const keys: ApiKey[] = [];
  const seen = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    const [id, sha256, ...more] = line.split('#', 1)[0]?.trim().split(/\s+/) ?? [];
    if (id === undefined || id === '') continue;
    const at = `line ${index + 1}`;
    if (!keyId.test(id) || sha256 === undefined || !digest.test(sha256) || more.length > 0)
      return `${at} is not an id and 64 hexadecimal digits in lower case`;
    if (seen.has(sha256)) return `${at} has a key that is there already`;
    seen.add(sha256);
    keys.push({ id, sha256 });
    if (keys.length > apiKeysMax) return `there are more than ${apiKeysMax} keys`;
  }
  return keys;
}
