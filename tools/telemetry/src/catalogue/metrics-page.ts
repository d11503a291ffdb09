import type { Catalogue, Metric } from './catalogue';

/** Before each table of docs/reference/metrics.md: how the names begin of the metrics that it has. */
const MARKER = /<!-- metrics: ([\w ]+) -->\n+(?:<!-- prettier-ignore -->\n(?:\|.*\n)*)?/g;

/** The page with its tables written anew; the text between them is written by people. @throws Error when a metric is in no table, or in two */
export function renderMetricsPage(page: string, catalogue: Catalogue): string {
  const shown: string[] = [];
  const rendered = page.replaceAll(MARKER, (_all, prefixes: string) => {
    const metrics = prefixes.split(' ').flatMap((prefix) => catalogue.withPrefix(prefix));
    shown.push(...metrics.map(({ name }) => name));
    return `<!-- metrics: ${prefixes} -->\n\n<!-- prettier-ignore -->\n${table(metrics)}`;
  });
  for (const { name } of catalogue.metrics) {
    const times = shown.filter((one) => one === name).length;
    if (times !== 1)
      throw new Error(`${name} is in ${times} tables of metrics.md: correct a <!-- metrics: … -->`);
  }
  return rendered;
}

function table(metrics: readonly Metric[]): string {
  const rows = metrics.map(({ name, type, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(', ') || 'none';
    return `| \`${name}\` | ${type} | ${names} | ${help} |\n`;
  });
  return `| metric | type | labels | meaning |\n|---|---|---|---|\n${rows.join('')}`;
}
