/** Whether a name is one of those that a pattern stands for. */
export type NameTest = (name: string) => boolean;

/** Wildcards of one pattern. */
export const wildcardsMax = 4;

/**
 * Compiles a pattern: `*` stands for anything within one part of a name, `**` for anything. Parts are between slashes; those of a host name
 * (`DNS:…`) between dots, and upper and lower case are alike there.
 */
export function namePattern(pattern: string): NameTest {
  if (!pattern.includes('*')) {
    if (!pattern.startsWith('DNS:')) return (name) => name === pattern;
    const lower = pattern.toLowerCase();
    return (name) => name.toLowerCase() === lower;
  }
  const isHost = pattern.startsWith('DNS:');
  const part = isHost ? '[^.]+' : '[^/]+';
  const source = pattern
    .split(/(\*\*?)/)
    .map((text) => (text === '**' ? '.+' : text === '*' ? part : escaped(text)))
    .join('');
  const expression = new RegExp(`^${source}$`, isHost ? 'is' : 's');
  return (name) => name.length <= nameLengthMax && expression.test(name);
}

/** Longer names are nobody's: matching costs the length to the power of the wildcards. */
const nameLengthMax = 512;

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
