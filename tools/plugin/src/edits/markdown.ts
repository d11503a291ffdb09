/**
 * Puts a row behind the last one of a table.
 *
 * @param header the beginning of the table's first line, with any number of blanks between words.
 * @throws Error when there is no such table.
 */
export function appendTableRow(
  markdown: string,
  header: readonly string[],
  cells: readonly string[],
): string {
  const lines = markdown.split('\n');
  const isHeader = (line: string): boolean =>
    header.every((cell, at) => cellsOf(line)[at] === cell);
  const start = lines.findIndex(isHeader);
  if (start === -1) throw new Error(`there is no table with the columns ${header.join(', ')}`);
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  const end = length === -1 ? lines.length : start + length;
  lines.splice(end, 0, `| ${cells.join(' | ')} |`);
  return lines.join('\n');
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
