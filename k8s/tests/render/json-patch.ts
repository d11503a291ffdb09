import { isRecord } from './kube-object';

/** One operation of RFC 6902; of its six, the three that our manifests use. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/**
 * Applies operations to a document, in place.
 *
 * @throws Error when a path leads nowhere, or to something else than the operation needs.
 */
export function applyPatch(document: unknown, operations: readonly PatchOperation[]): void {
  for (const operation of operations) apply(document, operation);
}

function apply(document: unknown, operation: PatchOperation): void {
  const keys = pointer(operation.path);
  const last = keys.pop();
  if (last === undefined) throw new Error('a patch may not replace a whole object');
  const parent = keys.reduce((found: unknown, key) => step(found, key, operation.path), document);
  if (Array.isArray(parent)) applyToList(parent, last, operation);
  else if (isRecord(parent)) applyToMap(parent, last, operation);
  else throw new Error(`${operation.path} leads nowhere`);
}

function applyToList(list: unknown[], key: string, operation: PatchOperation): void {
  const index = key === '-' ? list.length : Number(key);
  const last = operation.op === 'add' ? list.length : list.length - 1;
  if (!Number.isInteger(index) || index < 0 || index > last) {
    throw new Error(`${operation.path} leads nowhere`);
  }
  if (operation.op === 'remove') list.splice(index, 1);
  else list.splice(index, operation.op === 'add' ? 0 : 1, structuredClone(operation.value));
}

function applyToMap(map: Record<string, unknown>, key: string, operation: PatchOperation): void {
  if (operation.op !== 'add' && !Object.hasOwn(map, key)) {
    throw new Error(`${operation.path} leads nowhere`);
  }
  if (operation.op === 'remove') delete map[key];
  else map[key] = structuredClone(operation.value);
}

function step(value: unknown, key: string, path: string): unknown {
  const found = isRecord(value) ? value[key] : listItem(value, key);
  if (found === undefined) throw new Error(`${path} leads nowhere`);
  return found;
}

function listItem(value: unknown, key: string): unknown {
  return Array.isArray(value) ? (value as unknown[])[Number(key)] : undefined;
}

/** The keys of a JSON pointer (RFC 6901). */
function pointer(path: string): string[] {
  if (!path.startsWith('/')) throw new Error(`${path} does not begin with /`);
  return path
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}
