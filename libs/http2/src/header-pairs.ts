/** Header names (lower case) and values in turn, in the order of the wire, repetitions included. */
export type HeaderPairs = readonly string[];

/** The value of the first header of that name. */
export function headerValue(headers: HeaderPairs, name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) {
    if (headers[index] === name) return headers[index + 1];
  }
  return undefined;
}
