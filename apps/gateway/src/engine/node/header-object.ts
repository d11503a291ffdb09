import { type HeaderPairs } from '../engine';

/**
 * Header pairs as the object that `node:http2` wants where it takes no list (trailers). Values of repeated names keep
 * their order; names keep the order of their first occurrence.
 */
export function headerObject(headers: HeaderPairs): Record<string, string | string[]> {
  const result = Object.create(null) as Record<string, string | string[]>;
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    const known = result[name];
    if (known === undefined) result[name] = value;
    else if (typeof known === 'string') result[name] = [known, value];
    else known.push(value);
  }
  return result;
}
