/** Units as Grafana names them. */
export type Unit =
  'short' | 's' | 'bytes' | 'reqps' | 'percentunit' | 'cps' | 'none' | 'dateTimeFromNow';

/** A query, and what its series are called: text in which `{{label}}` stands for a label's value. */
export type Query = readonly [expression: string, legend: string];

/** One chart. */
export interface Panel {
  readonly title: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** What to see in it. */
  readonly description?: string | undefined;
  /** `stat` shows the last value only. @default timeseries */
  readonly type?: 'timeseries' | 'stat';
}

/** Charts under one heading. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** One page of Grafana. */
export interface Dashboard {
  /** Its file is `<name>.json`, its uid `raftway-<name>`. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Choices beside data source and namespace, each a label of a metric. */
  readonly choices?: readonly { readonly label: string; readonly of: string }[];
  readonly rows: readonly Row[];
}

/** Matchers of what is chosen at the top of every dashboard. Everything is chosen at first, also outside Kubernetes, where nothing has a namespace. */
export const CHOSEN = 'namespace=~"$namespace"';

const COLUMNS = 24;
const PANELS_A_LINE = 3;
const HEIGHT = 8;
/** Understood by Grafana 10 and later, which convert it as they load it. */
const SCHEMA_VERSION = 39;
const DATA_SOURCE = { type: 'prometheus', uid: '${datasource}' };

/** The JSON model that Grafana loads. @see https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
export function dashboardModel(dashboard: Dashboard): Record<string, unknown> {
  return {
    uid: `raftway-${dashboard.name}`,
    title: dashboard.title,
    description: dashboard.description,
    tags: ['raftway'],
    schemaVersion: SCHEMA_VERSION,
    editable: false,
    graphTooltip: 1,
    time: { from: 'now-30m', to: 'now' },
    refresh: '10s',
    links: [
      {
        ...{ type: 'dashboards', title: 'Raftway', tags: ['raftway'] },
        ...{ asDropdown: true, includeVars: true, keepTime: true },
      },
    ],
    templating: { list: variables(dashboard) },
    panels: panels(dashboard.rows),
  };
}

function variables({ choices = [] }: Dashboard): unknown[] {
  const source = {
    ...{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    ...{ refresh: 1, hide: 0 },
  };
  return [
    source,
    choice('namespace', 'raftway_server_ready'),
    ...choices.map(({ label, of }) => choice(label, `${of}{${CHOSEN}}`)),
  ];
}

function choice(label: string, series: string): unknown {
  const query = `label_values(${series}, ${label})`;
  return {
    ...{ name: label, label, type: 'query', datasource: DATA_SOURCE },
    ...{ query: { query, refId: label }, definition: query },
    ...{ refresh: 2, sort: 1, hide: 0, multi: true, includeAll: true, allValue: '.*' },
    current: { text: 'All', value: '$__all' },
  };
}

function panels(rows: readonly Row[]): unknown[] {
  const placed: unknown[] = [];
  let y = 0;
  for (const row of rows) {
    placed.push({
      ...{ id: placed.length + 1, type: 'row', title: row.title, collapsed: false, panels: [] },
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    });
    y += 1;
    row.panels.forEach((panel, index) => {
      const w = COLUMNS / PANELS_A_LINE;
      const line = Math.floor(index / PANELS_A_LINE);
      const gridPos = { x: (index % PANELS_A_LINE) * w, y: y + line * HEIGHT, w, h: HEIGHT };
      placed.push({ id: placed.length + 1, gridPos, ...chart(panel) });
    });
    y += Math.ceil(row.panels.length / PANELS_A_LINE) * HEIGHT;
  }
  return placed;
}

function chart({ title, unit, queries, description, type = 'timeseries' }: Panel) {
  const defaults = { unit, ...(unit === 'dateTimeFromNow' ? {} : { min: 0 }) };
  const options =
    type === 'stat'
      ? { reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } }
      : { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } };
  return {
    ...{ type, title, ...(description === undefined ? {} : { description }) },
    datasource: DATA_SOURCE,
    fieldConfig: { defaults, overrides: [] },
    options,
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATA_SOURCE,
      ...{ expr, legendFormat },
    })),
  };
}
