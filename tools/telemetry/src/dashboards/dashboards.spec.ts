import { resolve } from 'node:path';
import { committedCatalogue } from '../generate';
import { expressionProblems, labelsOfExpression } from '../promql/expression-problems';
import { dashboards } from '.';
import { dashboardModel } from './dashboard';

const catalogue = committedCatalogue(resolve(__dirname, '..', '..', '..', '..'));
const all = dashboards(catalogue);

interface PlacedPanel {
  readonly id: number;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}

describe.each(all.map((dashboard) => [dashboard.name, dashboard] as const))(
  'the dashboard %s',
  (_name, dashboard) => {
    const panels = dashboard.rows.flatMap((row) => row.panels);
    const queries = panels.flatMap((panel) => panel.queries);

    it('asks for nothing that the apps do not have', () => {
      for (const [expression] of queries) {
        expect({ expression, problems: expressionProblems(expression, catalogue) }).toEqual({
          expression,
          problems: [],
        });
      }
      for (const { label, of } of dashboard.choices ?? [])
        expect(expressionProblems(`sum by (${label}) (${of})`, catalogue)).toEqual([]);
    });

    it('names series by labels that they have', () => {
      for (const [expression, legend] of queries) {
        const labels = labelsOfExpression(expression, catalogue);
        for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g))
          expect({ legend, has: labels.has(label) }).toEqual({ legend, has: true });
      }
    });

    it('uses every choice that it offers, and no other', () => {
      const offered = ['namespace', ...(dashboard.choices ?? []).map(({ label }) => label)];
      const used = queries.flatMap(([expression]) =>
        [...expression.matchAll(/"\$(\w+)"/g)].map(([, name]) => name),
      );
      expect([...new Set(used)].sort()).toEqual(offered.sort());
    });

    it('places its panels side by side', () => {
      const placed = dashboardModel(dashboard)['panels'] as readonly PlacedPanel[];
      expect(new Set(placed.map(({ id }) => id)).size).toBe(placed.length);
      const cells = placed.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
      expect(Math.max(...placed.map(({ gridPos }) => gridPos.x + gridPos.w))).toBe(24);
    });
  },
);

it('shows every metric of the Raft groups’ health, the services and the gateway somewhere', () => {
  const text = all
    .flatMap(({ rows }) => rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries)))
    .map(([expression]) => expression)
    .join('\n');
  const prefixes = ['raftway_lock_', 'raftway_id_', 'raftway_registry_', 'raftway_gateway_'];
  const metrics = [...prefixes, 'raftway_tls_', 'raftway_server_'].flatMap((prefix) =>
    catalogue.withPrefix(prefix),
  );
  expect(metrics.map(({ name }) => name).filter((name) => !text.includes(name))).toEqual([]);
});

it('has uids and names of its own for every dashboard', () => {
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(new Set(all.map(({ title }) => title)).size).toBe(all.length);
});
