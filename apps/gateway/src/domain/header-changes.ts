import { type HeaderPairs } from '@raftway/http2/rules';
import { headersWhere } from './header-rules';

/** Compiled changes of a header list. Names are in lower case. */
export interface HeaderChanges {
  /** Headers that go: what is removed, and what is set anew. */
  readonly dropped: ReadonlySet<string>;
  /** Names and values that come, in turn. */
  readonly added: readonly string[];
}

/** A header list after all changes, in turn. */
export function changeHeaders(
  headers: HeaderPairs,
  changes: readonly HeaderChanges[],
): HeaderPairs {
  let current = headers;
  for (const { dropped, added } of changes) {
    const next: string[] = [];
    for (let index = 0; index < current.length; index += 2) {
      const name = current[index] ?? '';
      if (!dropped.has(name)) next.push(name, current[index + 1] ?? '');
    }
    for (const text of added) next.push(text);
    current = next;
  }
  return current;
}

/** Trailers without what the changes remove or set anew: in some protocols trailers become headers, which must not have it either. */
export function withoutChanged(
  trailers: HeaderPairs,
  changes: readonly HeaderChanges[],
): HeaderPairs {
  return headersWhere(trailers, (name) => !changes.some(({ dropped }) => dropped.has(name)));
}
