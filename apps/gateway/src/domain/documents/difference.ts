import { formatDuration } from '@raftway/config';
import { limitTexts } from '../limits/limit-text';
import { type CompiledDocuments } from './compile';
import { type HttpTarget } from './compile-http-route';
import { type CompiledRule, type RuleBackend } from './compile-route';
import { compositeLine } from './composites';
import { type SourcedDocument } from './document-set';
import { httpActionText, httpMatchText } from './http-explanation';
import { type HttpEntry } from './http-route-index';
import { routePolicyText } from './policies/route-policy-text';
import { transcodingTexts } from './policies/transcoding';
import { type RouteEntry } from './route-index';
import { backendTrafficTexts, ruleTrafficTexts } from './traffic-texts';

/** A document that differs. */
export interface DocumentDifference {
  /** `kind namespace/name`. */
  readonly id: string;
  readonly change: 'added' | 'changed' | 'removed';
}

/** What one set of documents changes of another. */
export interface Difference {
  readonly documents: readonly DocumentDifference[];
  /** Routes as {@link routeLine} has them, as far as a limit. */
  readonly removedRoutes: readonly string[];
  readonly addedRoutes: readonly string[];
}

/** Routes of each side that are told. */
const routesMax = 1000;

/** Compares two compiled sets. @param before undefined when there is none. */
export function difference(
  before: CompiledDocuments | undefined,
  after: CompiledDocuments,
): Difference {
  const linesBefore = new Set(before === undefined ? [] : routeLines(before));
  const linesAfter = new Set(routeLines(after));
  return {
    documents: documentDifferences(before?.sources ?? [], after.sources),
    removedRoutes: [...linesBefore].filter((line) => !linesAfter.has(line)).slice(0, routesMax),
    addedRoutes: [...linesAfter].filter((line) => !linesBefore.has(line)).slice(0, routesMax),
  };
}

function routeLines({ routeEntries, httpEntries, composites }: CompiledDocuments): string[] {
  return [
    ...routeEntries.map(routeLine),
    ...httpEntries.map(httpRouteLine),
    ...(composites?.composites ?? []).map(compositeLine),
  ];
}

/** A route on one line: what it takes and where that goes, such as `*.example.com helloworld.Greeter/* [x-canary: 1] → greeter 95, greeter-v2 5`. */
export function routeLine({
  hostname,
  grpcService,
  method,
  headers,
  target,
}: RouteEntry<CompiledRule>): string {
  const matched = headers.map(({ name, value }) => `${name}: ${value}`).join(', ');
  const call = `${hostname || '*'} ${grpcService || '*'}/${method || '*'}`;
  return `${call}${matched === '' ? '' : ` [${matched}]`} → ${whereText(target)} (${ruleNotes(target)})`;
}

/** The same of an HTTPRoute, such as `api.example.com GET /v1/* [x-canary: 1] → greeter (HTTPRoute default/greeter, main)`. */
function httpRouteLine(entry: HttpEntry<HttpTarget>): string {
  const { hostname, headers, target } = entry;
  const { rule, redirect } = target;
  const matched = headers.map(({ name, value }) => `${name}: ${value}`).join(', ');
  const call = `${hostname || '*'} ${httpMatchText(entry)}${matched === '' ? '' : ` [${matched}]`}`;
  const actions = [httpActionText(target), redirect === undefined ? whereText(rule) : ''];
  const where = actions.filter((text) => text !== '').join(' → ');
  return `${call} → ${where} (${ruleNotes(rule)})`;
}

/** Which rule it is, and what it does to calls beside routing them. */
function ruleNotes({ document, name, security, traffic }: CompiledRule): string {
  const policy = typeof security === 'string' ? '' : `, ${security.id}`;
  return [`${document}, ${name}${policy}`, ...ruleTrafficTexts(traffic)].join('; ');
}

function whereText({ backends, limits, transcoding }: CompiledRule): string {
  const texts = backends.map((backend) => backendText(backend, backends.length));
  const where = texts.length === 0 ? 'nowhere' : texts.join(', ');
  const limited = limits === undefined ? '' : ` {${limitTexts(limits).join('; ')}}`;
  const web = transcoding === undefined ? '' : ` {${transcodingTexts(transcoding).join(', ')}}`;
  return `${where}${limited}${web}`;
}

function backendText(backend: RuleBackend, count: number): string {
  const { service, weight, fault, requestHeaders, responseHeaders, timeouts, calls } = backend;
  const notes = [
    fault?.reason,
    requestHeaders && headersText('request', requestHeaders),
    responseHeaders && headersText('response', responseHeaders),
    timeouts?.defaultMs && `default ${formatDuration(timeouts.defaultMs)}`,
    timeouts?.maxMs && `at most ${formatDuration(timeouts.maxMs)}`,
    calls && routePolicyText(calls),
    ...backendTrafficTexts(backend),
  ].filter((note) => note !== undefined);
  const share = count === 1 && weight > 0 ? service : `${service} ${weight}`;
  return notes.length === 0 ? share : `${share} {${notes.join(', ')}}`;
}

function headersText(what: string, changes: NonNullable<RuleBackend['requestHeaders']>): string {
  const parts = changes.flatMap(({ dropped, added }) => [
    ...[...dropped].map((name) => `-${name}`),
    ...added.flatMap((name, index) => (index % 2 === 0 ? `+${name}: ${added[index + 1]}` : [])),
  ]);
  return `${what} headers ${parts.join(' ')}`;
}

function documentDifferences(
  before: readonly SourcedDocument[],
  after: readonly SourcedDocument[],
): DocumentDifference[] {
  const old = new Map(before.map((source) => [source.id, source]));
  const kept = new Set(after.map(({ id }) => id));
  const differences: DocumentDifference[] = [];
  for (const { id, document } of after) {
    const previous = old.get(id)?.document;
    if (previous === undefined) differences.push({ id, change: 'added' });
    // What was read from the same text is the same object.
    else if (previous !== document && JSON.stringify(previous) !== JSON.stringify(document))
      differences.push({ id, change: 'changed' });
  }
  for (const { id } of before) if (!kept.has(id)) differences.push({ id, change: 'removed' });
  return differences.sort((a, b) => (a.id < b.id ? -1 : 1));
}
