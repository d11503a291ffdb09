/** Puts an item behind the last one of a JSON list or object, as text, so that the others stay as they are. */
export function appendToJson(text: string, item: string): string {
  const end = /\s*([\]}])\s*$/.exec(text);
  if (end === null) throw new Error('it is neither a list nor an object');
  return `${text.slice(0, end.index)},\n${item}\n${end[1] ?? ''}\n`;
}
