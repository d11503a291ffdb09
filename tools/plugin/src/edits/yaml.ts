import { isCollection, isPair, type Node, parseDocument } from 'yaml';

/**
 * Puts an item behind the last one of a list or map of a YAML file, as text, so that everything else stays as it was written: a document
 * that is parsed and printed again loses blank lines and the places of comments.
 *
 * @param path of the list or map, in block style. @param item in YAML: `- a` for a list, `a: b` for a map; further lines indented below it.
 * @throws Error when there is no such list or map.
 */
export function appendToYaml(
  text: string,
  path: readonly (string | number)[],
  item: string,
): string {
  const found = parseDocument(text).getIn(path, true);
  const last = isCollection(found) ? found.items.at(-1) : undefined;
  const first = isPair(last) ? last.key : last;
  const end = (isPair(last) ? last.value : last) as Node | null | undefined;
  if (!hasRange(first) || !hasRange(end)) {
    throw new Error(`there is no ${path.join('.')} with something in it`);
  }
  const lineStart = text.lastIndexOf('\n', first.range[0]) + 1;
  const indent = /^ */.exec(text.slice(lineStart))?.[0] ?? '';
  const contentEnd = text.slice(0, end.range[1]).trimEnd().length;
  const lineEnd = text.indexOf('\n', contentEnd);
  const at = lineEnd === -1 ? text.length : lineEnd;
  const lines = item.split('\n').map((line) => (line === '' ? '' : indent + line));
  return `${text.slice(0, at)}\n${lines.join('\n')}${text.slice(at)}`;
}

type Placed = { readonly range: readonly [number, number, number] };

function hasRange(node: unknown): node is Placed {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
