/** JSON as protobuf has it, where 64-bit numbers are strings; indented for people. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, bigIntAsText, 2);
}

/** The same in one line, for streams of answers. */
export function toJsonLine(value: unknown): string {
  return JSON.stringify(value, bigIntAsText);
}

function bigIntAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
