// What the pages of references have in common.

/** A table that prettier leaves alone: padded, its rows would be as long as the longest cell. */
export function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `<!-- prettier-ignore -->\n${lines.join('\n')}\n`;
}

/** Plain text of the sources as Markdown that shows it, on one line; what stands in backticks stays as it is. */
export function inline(text) {
  return text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : escaped(part)))
    .join('')
    .replaceAll('|', '\\|');
}

export function code(text) {
  return text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``;
}

function escaped(text) {
  return text.replaceAll(/[*<>[\]]/g, (sign) => `\\${sign}`);
}
