import { parser } from '@prometheus-io/lezer-promql';
import type { Catalogue, Metric } from '../catalogue/catalogue';
import { GRAFANA_WINDOW } from './expressions';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** Labels that Prometheus gives to every series of a target; `namespace` is there in Kubernetes only. */
const TARGET_LABELS = ['namespace', 'job', 'instance'];
/** What Prometheus has itself. */
const OF_PROMETHEUS: readonly string[] = ['up'];

/** What is wrong with a PromQL expression; empty when it parses and all of its metrics and labels exist. */
export function expressionProblems(expression: string, catalogue: Catalogue): string[] {
  const { text, nodes } = parsed(expression);
  const problems = text.trim() === '' ? ['it is empty'] : [];
  for (const node of nodes) {
    if (node.type.isError) problems.push(`it does not parse at: ${text.slice(node.from)}`);
    if (node.name === 'VectorSelector') problems.push(...selectorProblems(node, text, catalogue));
  }
  const labels = labelsOfExpression(expression, catalogue);
  for (const list of nodes.filter(({ name }) => name === 'GroupingLabels')) {
    for (const name of labelNames(list, text)) {
      if (!labels.has(name)) problems.push(`no metric in it has the label ${name}`);
    }
  }
  return problems;
}

/** Names of the labels that its series can have. */
export function labelsOfExpression(expression: string, catalogue: Catalogue): ReadonlySet<string> {
  const { text, nodes } = parsed(expression);
  const selectors = nodes.filter(({ name }) => name === 'VectorSelector');
  const labels = selectors.flatMap((one) => selected(one, text, catalogue).labels);
  return new Set([...TARGET_LABELS, ...labels]);
}

function parsed(expression: string): { readonly text: string; readonly nodes: SyntaxNode[] } {
  const text = expression.replaceAll(GRAFANA_WINDOW, '5m');
  return { text, nodes: nodesOf(parser.parse(text).topNode) };
}

function selectorProblems(selector: SyntaxNode, text: string, catalogue: Catalogue): string[] {
  const { name, isKnown, labels } = selected(selector, text, catalogue);
  const unknown = labelNames(selector, text).filter((label) => !labels.includes(label));
  return [
    ...(isKnown ? [] : [`no app has ${name}`]),
    ...unknown.map((label) => `${name} has no label ${label}`),
  ];
}

interface Selected {
  readonly name: string;
  readonly isKnown: boolean;
  /** Those that its series can have. */
  readonly labels: readonly string[];
}

function selected(selector: SyntaxNode, text: string, catalogue: Catalogue): Selected {
  const named = nodesOf(selector).find((node) => node.name === 'Identifier');
  const name = named === undefined ? '' : text.slice(named.from, named.to);
  const metric = catalogue.ofSeries(name);
  const isKnown = metric !== undefined || OF_PROMETHEUS.includes(name);
  return { name, isKnown, labels: [...TARGET_LABELS, ...labelsOf(metric, name)] };
}

function labelNames(node: SyntaxNode, text: string): string[] {
  const labels = nodesOf(node).filter(({ name }) => name === 'LabelName');
  return labels.map(({ from, to }) => text.slice(from, to));
}

function labelsOf(metric: Metric | undefined, series: string): readonly string[] {
  if (metric === undefined) return [];
  return series === `${metric.name}_bucket` ? [...metric.labels, 'le'] : metric.labels;
}

/** The node and everything below it. */
function nodesOf(node: SyntaxNode): SyntaxNode[] {
  const nodes = [node];
  for (let child = node.firstChild; child !== null; child = child.nextSibling)
    nodes.push(...nodesOf(child));
  return nodes;
}
