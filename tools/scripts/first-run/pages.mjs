// The commands of a Markdown page, and what it says that they show.

/**
 * The blocks of `sh` in order. `shown` is the block behind one that no other `sh` comes before: what the commands print, among other lines.
 * ```` ```sh exit=1 ```` says how a block ends.
 *
 * @returns `{ line, commands, exit, shown }`, where `shown` is undefined when nothing is
 */
export function commandBlocks(text) {
  const blocks = [];
  for (const { line, info, content } of fences(text)) {
    const [language = '', ...settings] = info.split(' ');
    if (language === 'sh') {
      const exit = settings.find((one) => one.startsWith('exit='))?.slice('exit='.length) ?? '0';
      blocks.push({ line, commands: content, exit: Number(exit), shown: undefined });
    } else if (['', 'text', 'json'].includes(language)) {
      const last = blocks.at(-1);
      if (last !== undefined) last.shown ??= content;
    }
  }
  return blocks;
}

function* fences(text) {
  for (const { index, 1: info, 2: content } of text.matchAll(/^```([^`\n]*)\n(.*?)^```$/gms)) {
    yield { line: text.slice(0, index).split('\n').length, info, content };
  }
}

/**
 * Whether an output has what a page shows, as neighbouring lines: numbers match numbers, blanks any blanks, `…` whatever is there, and alone on a
 * line any lines.
 */
export function isShownIn(shown, output) {
  const lines = shown
    .trimEnd()
    .split('\n')
    .map((line) => line.trim());
  const pattern = lines
    .map((line, index) => {
      if (line === '…') return '(?:.*\\n)*?';
      const end = index === lines.length - 1 ? '[ \\t]*$' : '[ \\t]*\\n';
      return `^[ \\t]*${linePattern(line)}${end}`;
    })
    .join('');
  return new RegExp(pattern, 'm').test(output);
}

function linePattern(line) {
  return line
    .split(/(…|\d+|\s+)/)
    .map((part) => {
      if (part === '…') return '.*?';
      if (/^\d+$/.test(part)) return '\\d+';
      return part.trim() === '' && part !== ''
        ? '\\s+'
        : part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    })
    .join('');
}
