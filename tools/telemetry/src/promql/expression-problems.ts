import { parser } from '@prometheus-io/lezer-promql';
import type { Catalogue, Metric } from '../catalogue/catalogue';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** Labels that Prometheus gives to every series of a target; `namespace` is there in Kubernetes only. */
const TARGET_LABELS = ['namespace', 'job', 'instance'];
/** What Prometheus has itself. */
const OF_PROMETHEUS: readonly string[] = ['up'];

/** What is wrong with a PromQL expression; empty when it parses and all of its metrics and labels exist. */
export function expressionProblems(expression: string, catalogue: Catalogue): string[] {
  // Grafana puts a duration there.
  const text = expression.replaceAll('$__rate_interval', '5m');
  const problems: string[] = [];
  const labels = new Set(TARGET_LABELS);
  const nodes = nodesOf(parser.parse(text).topNode);
  if (text.trim() === '') problems.push('it is empty');
  for (const node of nodes) {
    if (node.type.isError) problems.push(`it does not parse at: ${text.slice(node.from)}`);
    if (node.name === 'VectorSelector')
      problems.push(...selectorProblems(node, text, catalogue, labels));
  }
  for (const list of nodes.filter(({ name }) => name === 'GroupingLabels')) {
    for (const label of nodesOf(list).filter(({ name }) => name === 'LabelName')) {
      const name = text.slice(label.from, label.to);
      if (!labels.has(name)) problems.push(`no metric in it has the label ${name}`);
    }
  }
  return problems;
}

/** Names of the labels that its series can have. */
export function labelsOfExpression(expression: string, catalogue: Catalogue): ReadonlySet<string> {
  const text = expression.replaceAll('$__rate_interval', '5m');
  const labels = new Set(TARGET_LABELS);
  for (const node of nodesOf(parser.parse(text).topNode)) {
    if (node.name === 'VectorSelector') selectorProblems(node, text, catalogue, labels);
  }
  return labels;
}

/** Adds the labels of the selector's metric to `labels`. */
function selectorProblems(
  selector: SyntaxNode,
  text: string,
  catalogue: Catalogue,
  labels: Set<string>,
): string[] {
  const problems: string[] = [];
  const parts = nodesOf(selector);
  const named = parts.find(({ name }) => name === 'Identifier');
  const name = named === undefined ? '' : text.slice(named.from, named.to);
  const metric = catalogue.ofSeries(name);
  if (metric === undefined && !OF_PROMETHEUS.includes(name)) problems.push(`no app has ${name}`);
  const own = [...TARGET_LABELS, ...labelsOf(metric, name)];
  for (const label of own) labels.add(label);
  for (const matcher of parts.filter((node) => node.name === 'LabelName')) {
    const label = text.slice(matcher.from, matcher.to);
    if (!own.includes(label)) problems.push(`${name} has no label ${label}`);
  }
  return problems;
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
