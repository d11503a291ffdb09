/** Whether a name is one of those that a pattern stands for. */
export type NameTest = (name: string) => boolean;

/** Wildcards of one pattern. */
export const wildcardsMax = 4;

/** Longer names are nobody's. */
const nameLengthMax = 512;

/**
 * Compiles a pattern: `*` stands for anything within one part of a name, `**` for anything; neither for nothing. Parts are between slashes; those of a
 * host name (`DNS:…`) between dots, and upper and lower case are alike there.
 */
export function namePattern(pattern: string): NameTest {
  const isHost = pattern.startsWith('DNS:');
  const fold = isHost ? (text: string) => text.toLowerCase() : (text: string) => text;
  const pieces = fold(pattern).split(/(\*\*?)/);
  if (pieces.length === 1) return (name) => fold(name) === pieces[0];
  const separator = isHost ? '.' : '/';
  return (name) => name.length <= nameLengthMax && isMatch(pieces, fold(name), separator);
}

/**
 * Follows all ways to read a name at once: clients choose names, and to try one way after the other, as an expression does, takes the length of the
 * name to the power of the wildcards.
 */
function isMatch(pieces: readonly string[], name: string, separator: string): boolean {
  /** Whether the pieces so far can end before the character of that index. */
  let ends: boolean[] = [true];
  for (const piece of pieces) {
    if (piece === '*') ends = endsOfWildcard(ends, name, separator);
    else if (piece === '**') ends = endsOfWildcard(ends, name, undefined);
    else ends = endsOfText(ends, name, piece);
  }
  return ends[name.length] === true;
}

function endsOfText(before: readonly boolean[], name: string, text: string): boolean[] {
  const ends: boolean[] = [];
  before.forEach((isEnd, index) => {
    if (isEnd && name.startsWith(text, index)) ends[index + text.length] = true;
  });
  return ends;
}

/** @param separator what the wildcard does not stand for */
function endsOfWildcard(
  before: readonly boolean[],
  name: string,
  separator: string | undefined,
): boolean[] {
  const ends: boolean[] = [];
  let isOpen = false;
  for (let index = 0; index < name.length; index += 1) {
    isOpen = (isOpen || before[index] === true) && name[index] !== separator;
    if (isOpen) ends[index + 1] = true;
  }
  return ends;
}
