import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from './suite';

/** One metric, as a process serves it or as the list has it. */
export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

const LIST = join(WORKSPACE, 'docs', 'reference', 'metrics.json');
/** Of the process and of Node.js, not ours: which there are depends on the machine. */
const NOT_OURS = /^(process|nodejs)_/;

/** What a process serves on /metrics, as it is. */
export async function metricsText(httpAddress: string): Promise<string> {
  return await (await fetch(`http://${httpAddress}/metrics`)).text();
}

/** The same as rows. Labels are those of the series that exist now. */
export async function servedMetrics(httpAddress: string): Promise<MetricRow[]> {
  const text = await metricsText(httpAddress);
  const rows = new Map<string, MetricRow>();
  for (const [, name = '', help = ''] of text.matchAll(/^# HELP (\S+) (.*)$/gm)) {
    if (NOT_OURS.test(name)) continue;
    const type = new RegExp(`^# TYPE ${name} (\\S+)$`, 'm').exec(text)?.[1] ?? '';
    rows.set(name, { name, type, help, labels: labelsOf(text, name) });
  }
  return [...rows.values()];
}

function labelsOf(text: string, name: string): string[] {
  const labels = new Set<string>();
  for (const [, pairs = ''] of text.matchAll(new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, 'gm'))) {
    for (const [, label = ''] of pairs.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) {
      if (label !== 'le') labels.add(label);
    }
  }
  return [...labels];
}

/** One entry of docs/reference/metrics.json. */
interface ListedMetric extends MetricRow {
  readonly apps: readonly string[];
  readonly withTlsOnly: boolean;
}

/** What docs/reference/metrics.json has of an app without certificates. */
export function listedMetrics(app: string): MetricRow[] {
  const list = JSON.parse(readFileSync(LIST, 'utf8')) as ListedMetric[];
  return list.filter(
    ({ name, apps, withTlsOnly }) => !NOT_OURS.test(name) && !withTlsOnly && apps.includes(app),
  );
}
