import { formatDuration } from '@raftway/config';
import { type CompiledDocuments } from './compile';
import { type CompiledRule, type RuleBackend } from './compile-route';
import { compositeLine } from './composites';
import { type SourcedDocument } from './document-set';
import { transcodingTexts } from './policies/transcoding';
import { type RouteEntry } from './route-index';

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
  const linesBefore = new Set(before === undefined ? [] : linesOf(before));
  const linesAfter = new Set(linesOf(after));
  return {
    documents: documentDifferences(before?.sources ?? [], after.sources),
    removedRoutes: [...linesBefore].filter((line) => !linesAfter.has(line)).slice(0, routesMax),
    addedRoutes: [...linesAfter].filter((line) => !linesBefore.has(line)).slice(0, routesMax),
  };
}

/** All routes of a compiled set, one line each. */
function linesOf({ routes, composites }: CompiledDocuments): string[] {
  return [...routes.entries.map(routeLine), ...(composites?.composites ?? []).map(compositeLine)];
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
  const backends = target.backends.map((backend) => backendText(backend, target.backends.length));
  const where = backends.length === 0 ? 'nowhere' : backends.join(', ');
  const web = target.transcoding && ` {${transcodingTexts(target.transcoding).join(', ')}}`;
  return `${call}${matched === '' ? '' : ` [${matched}]`} → ${where}${web ?? ''} (${target.document}, ${target.name})`;
}

function backendText(backend: RuleBackend, count: number): string {
  const { service, weight, fault, requestHeaders, responseHeaders, timeouts } = backend;
  const notes = [
    fault?.reason,
    requestHeaders && headersText('request', requestHeaders),
    responseHeaders && headersText('response', responseHeaders),
    timeouts?.defaultMs && `default ${formatDuration(timeouts.defaultMs)}`,
    timeouts?.maxMs && `at most ${formatDuration(timeouts.maxMs)}`,
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
