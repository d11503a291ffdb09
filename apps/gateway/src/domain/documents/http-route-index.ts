import { hostnamesFor } from './hostnames';
import { prefixesOf } from './http-path';
import { type HeaderMatch } from './route-index';
import { SharedMap } from './shared-map';

/** A path that requests are compared with, as `comparablePath` has it. */
export interface PathMatch {
  readonly type: 'exact' | 'prefix';
  /** A prefix has no slash at its end: '' is every path. */
  readonly value: string;
}

/** One way into a rule of an HTTPRoute. */
export interface HttpEntry<Target> {
  /** A host name, a wildcard, or '' for any. */
  readonly hostname: string;
  readonly path: PathMatch;
  /** '' for every one. */
  readonly httpMethod: string;
  readonly headers: readonly HeaderMatch[];
  /** Query parameters, whose names are compared as they are. */
  readonly query: readonly HeaderMatch[];
  /** Of entries that are equally specific the one with the lesser text counts. */
  readonly order: string;
  readonly target: Target;
}

/** What a request is matched by. */
export interface HttpFacts {
  /** Lower case, without port. */
  readonly host: string;
  /** As `comparablePath` has it, without the query. */
  readonly path: string;
  readonly httpMethod: string;
  /** The first value of a header. */
  readonly header: (name: string) => string | undefined;
  /** The first value of a query parameter. */
  readonly query: (name: string) => string | undefined;
}

/** Entries of one host name by path. */
interface HostEntries<Target> {
  readonly exact: ReadonlyMap<string, readonly HttpEntry<Target>[]>;
  readonly prefix: ReadonlyMap<string, readonly HttpEntry<Target>[]>;
}

/**
 * Finds the entry of a request by the Gateway API's precedence: the longest host name, exact ones before wildcards; an exact path; the longest
 * prefix; a method; most headers; most query parameters; then `order`, then the order in which entries were given.
 */
export class HttpRouteIndex<Target> {
  private constructor(private readonly hosts: SharedMap<HostEntries<Target>>) {}

  static of<Target>(entries: readonly HttpEntry<Target>[]): HttpRouteIndex<Target> {
    const byHost = grouped(entries, ({ hostname }) => hostname);
    return new HttpRouteIndex(SharedMap.of([...byHost].map(([host, own]) => [host, inOf(own)])));
  }

  /** Whether nothing can be found in it. */
  get isEmpty(): boolean {
    return this.hosts.size === 0;
  }

  /** An index that differs in some entries, at the price of their host names. The same one when it does not. */
  changed(
    removed: readonly HttpEntry<Target>[],
    added: readonly HttpEntry<Target>[],
  ): HttpRouteIndex<Target> {
    if (removed.length === 0 && added.length === 0) return this;
    const gone = new Set(removed);
    const more = grouped(added, ({ hostname }) => hostname);
    const hostnames = new Set([...removed, ...added].map((entry) => entry.hostname));
    const changes = [...hostnames].map((hostname) => {
      const { exact, prefix } = this.hosts.get(hostname) ?? inOf<Target>([]);
      const before = [...exact.values(), ...prefix.values()].flat();
      const own = before.filter((entry) => !gone.has(entry)).concat(more.get(hostname) ?? []);
      return [hostname, own.length === 0 ? undefined : inOf(own)] as const;
    });
    return new HttpRouteIndex(this.hosts.changed(changes));
  }

  /** Every entry for the request's host and path, the one that counts most first, whatever else they ask for. */
  *candidates({ host, path }: HttpFacts): Generator<HttpEntry<Target>> {
    for (const hostname of hostnamesFor(host)) {
      const found = this.hosts.get(hostname);
      if (found === undefined) continue;
      yield* found.exact.get(path) ?? [];
      if (found.prefix.size === 0) continue;
      for (const prefix of prefixesOf(path)) yield* found.prefix.get(prefix) ?? [];
    }
  }
}

/** Why an entry does not take a request; undefined when it does. */
export function failedCondition(
  { httpMethod, headers, query }: HttpEntry<unknown>,
  request: HttpFacts,
): string | undefined {
  if (httpMethod !== '' && httpMethod !== request.httpMethod)
    return `the HTTP method must be ${httpMethod}, and it is ${request.httpMethod}`;
  return (
    failed('header', headers, request.header) ?? failed('query parameter', query, request.query)
  );
}

function failed(
  what: string,
  conditions: readonly HeaderMatch[],
  valueOf: (name: string) => string | undefined,
): string | undefined {
  for (const { name, value } of conditions) {
    const actual = valueOf(name);
    if (actual === value) continue;
    const found = actual === undefined ? 'there is none' : `it is ${JSON.stringify(actual)}`;
    return `${what} ${name} must be ${JSON.stringify(value)}, and ${found}`;
  }
  return undefined;
}

function inOf<Target>(entries: readonly HttpEntry<Target>[]): HostEntries<Target> {
  const of = (type: PathMatch['type']): Map<string, HttpEntry<Target>[]> => {
    const byPath = grouped(
      entries.filter(({ path }) => path.type === type),
      ({ path }) => path.value,
    );
    for (const bucket of byPath.values()) bucket.sort(bySpecificity);
    return byPath;
  };
  return { exact: of('exact'), prefix: of('prefix') };
}

function grouped<Target>(
  entries: readonly HttpEntry<Target>[],
  keyOf: (entry: HttpEntry<Target>) => string,
): Map<string, HttpEntry<Target>[]> {
  const groups = new Map<string, HttpEntry<Target>[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}

function bySpecificity(a: HttpEntry<unknown>, b: HttpEntry<unknown>): number {
  return (
    Number(b.httpMethod !== '') - Number(a.httpMethod !== '') ||
    b.headers.length - a.headers.length ||
    b.query.length - a.query.length ||
    (a.order < b.order ? -1 : Number(a.order > b.order))
  );
}
