import { type SourcedDocument } from './document-set';
import { type AnyDocument } from './kinds';
import { isComposite, isRoute } from './sources';

/** What is between the beginning and the end that two lists have in common. */
export function changedPart(
  before: readonly SourcedDocument[],
  after: readonly SourcedDocument[],
): { start: number; before: readonly SourcedDocument[]; after: readonly SourcedDocument[] } {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let same = 0;
  while (same < most - start && before.at(-1 - same) === after.at(-1 - same)) same += 1;
  return {
    start,
    before: before.slice(start, before.length - same),
    after: after.slice(start, after.length - same),
  };
}

/** Whether two sets have the same documents that are no routes of any kind. */
export function sameOthers(
  before: readonly SourcedDocument[],
  after: readonly SourcedDocument[],
): boolean {
  const others = (sources: readonly SourcedDocument[]): AnyDocument[] =>
    sources.flatMap((source) => (isRoute(source) || isComposite(source) ? [] : source.document));
  const old = others(before);
  const next = others(after);
  return old.length === next.length && old.every((document, index) => document === next[index]);
}
