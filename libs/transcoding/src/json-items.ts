import { invalidArgument } from '@raftway/errors';
import { parseJson } from './json-body';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openers = new Set([0x5b, 0x7b]);
const closers = new Set([0x5d, 0x7d]);

/**
 * The items of a JSON array, each as its own text, so that whoever reads one sees every digit; anything that is no array is the only item.
 *
 * @param itemsMax items of one array.
 * @throws ServiceError INVALID_ARGUMENT when the text is no JSON, or has more items
 */
export function jsonItems(text: string, itemsMax: number): string[] {
  if (!Array.isArray(parseJson(text))) return [text];
  const inner = text.slice(text.indexOf('[') + 1, text.lastIndexOf(']'));
  if (inner.trim() === '') return [];
  return splitAtCommas(inner, itemsMax);
}

/** Splits where no string, object or array is open. The text is known to be well-formed. */
function splitAtCommas(text: string, itemsMax: number): string[] {
  const items: string[] = [];
  let start = 0;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === backslash) index += 1;
      else if (code === quote) inString = false;
    } else if (code === quote) inString = true;
    else if (openers.has(code)) depth += 1;
    else if (closers.has(code)) depth -= 1;
    else if (code === comma && depth === 0) {
      items.push(text.slice(start, index));
      if (items.length === itemsMax) throw tooMany(itemsMax);
      start = index + 1;
    }
  }
  return [...items, text.slice(start)];
}

function tooMany(itemsMax: number): Error {
  return invalidArgument({ field: 'body', description: `must be at most ${itemsMax} items` });
}
