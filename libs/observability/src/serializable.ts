/** How deep, long and wide a logged value may be: a log line is not a dump. */
const DEPTH_MAX = 6;
const ITEMS_MAX = 100;
const BYTES_SHOWN_MAX = 64;

/** Log fields as plain JSON values: bigint as decimal text, errors with their causes, bytes in hex, maps as objects. */
export function serializableFields(
  fields: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) plain[key] = serializable(value, 0);
  return plain;
}

function serializable(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'function':
    case 'symbol':
      return String(value).slice(0, ITEMS_MAX);
    case 'object':
      return value === null ? null : serializableObject(value, depth);
    default:
      return value;
  }
}

function serializableObject(value: object, depth: number): unknown {
  if (depth >= DEPTH_MAX) return '…';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Error) return plainError(value, depth);
  if (Array.isArray(value)) return list(value, depth);
  if (value instanceof Set) return list([...(value as Set<unknown>)], depth);
  const entries: [unknown, unknown][] =
    value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value);
  const plain: Record<string, unknown> = {};
  for (const [key, item] of entries.slice(0, ITEMS_MAX)) {
    plain[String(key)] = serializable(item, depth + 1);
  }
  if (entries.length > ITEMS_MAX) plain['…'] = `${entries.length - ITEMS_MAX} more`;
  return plain;
}

function list(items: readonly unknown[], depth: number): unknown[] {
  const shown = items.slice(0, ITEMS_MAX).map((item) => serializable(item, depth + 1));
  return items.length > ITEMS_MAX ? [...shown, `${items.length - ITEMS_MAX} more`] : shown;
}

function hex(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, BYTES_SHOWN_MAX)).toString('hex');
  return bytes.length > BYTES_SHOWN_MAX ? `${shown}… (${bytes.length} bytes)` : shown;
}

function plainError(error: Error, depth: number): Record<string, unknown> {
  const plain: Record<string, unknown> = { type: error.name, message: error.message };
  if (error.stack !== undefined) plain['stack'] = error.stack;
  if (error.cause !== undefined) plain['cause'] = serializable(error.cause, depth + 1);
  for (const [key, item] of Object.entries(error)) {
    if (!(key in plain)) plain[key] = serializable(item, depth + 1);
  }
  return plain;
}
