/** Puts text behind the last line that matches. @throws Error when none does. */
export function insertAfterLast(text: string, line: RegExp, inserted: string): string {
  const lines = text.split('\n');
  const at = lines.findLastIndex((one) => line.test(one));
  if (at === -1) throw new Error(`no line matches ${String(line)}`);
  lines.splice(at + 1, 0, inserted);
  return lines.join('\n');
}
