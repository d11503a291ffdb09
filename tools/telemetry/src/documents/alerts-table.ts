import { type Alert, type AlertGroup, RUNBOOKS } from '../alerts/alert';

const MARKER = /<!-- alerts -->\n+(?:<!-- prettier-ignore -->\n(?:\|.*\n)*)?/;

/** docs/operating/README.md with its table of alerts written anew. @throws Error when it has no place for it */
export function renderOperatingPage(page: string, groups: readonly AlertGroup[]): string {
  if (!MARKER.test(page)) throw new Error('docs/operating/README.md has no <!-- alerts -->');
  const rows = groups.flatMap(({ alerts }) => alerts).map(row);
  const head = '| alert | severity | after | when |\n|---|---|---|---|\n';
  return page.replace(
    MARKER,
    () => `<!-- alerts -->\n\n<!-- prettier-ignore -->\n${head}${rows.join('')}`,
  );
}

function row({ name, severity, expression, ...alert }: Alert): string {
  const link = `${RUNBOOKS.replace('docs/operating/', '')}/${name}.md`;
  // A bar would end the column.
  const when = expression.replaceAll('|', '\\|');
  return `| [${name}](${link}) | ${severity} | ${alert.for} | \`${when}\` |\n`;
}
