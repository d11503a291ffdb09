import { type CompiledRule, filterFaults, firstOfEach } from './compile-route';
import { type Fault } from './conditions';
import { comparablePath, comparablePrefix, withPrefix } from './http-path';
import { type HttpEntry, type PathMatch } from './http-route-index';
import {
  gatewayDurationMs,
  type HttpMatch,
  type HttpRouteDocument,
  type HttpRule,
  type PathModifier,
} from './kinds/http-route';
import { type Timeouts } from './policies/timeouts';

/** What becomes of a request's path. */
export interface PathChange {
  readonly kind: 'full' | 'prefix';
  readonly path: string;
}

/** The answer of a rule that sends clients elsewhere; what is undefined stays as it was asked for. */
export interface Redirect {
  readonly statusCode: number;
  readonly scheme: 'http' | 'https' | undefined;
  readonly hostname: string | undefined;
  readonly port: number | undefined;
  readonly path: PathChange | undefined;
}

/** What a rule makes of a request before it is transcoded. */
export interface Rewrite {
  readonly hostname: string | undefined;
  readonly path: PathChange | undefined;
}

/** A rule of an HTTPRoute, ready for requests. */
export interface HttpTarget {
  /** Where the call goes that a request becomes. */
  readonly rule: CompiledRule;
  readonly redirect: Redirect | undefined;
  readonly rewrite: Rewrite | undefined;
}

/** Filters that act on a request before it becomes a call. */
const requestFilters = { RequestRedirect: 'requestRedirect', URLRewrite: 'urlRewrite' } as const;

/** Values that the specification knows, or may know, and this gateway does not: the route is not used. */
export function unsupportedInHttp({ spec }: HttpRouteDocument): Fault[] {
  const messages: string[] = [];
  (spec.rules ?? []).forEach((rule, index) => {
    const at = `spec.rules[${index}]`;
    for (const { path, headers = [], queryParams = [] } of rule.matches ?? []) {
      if (path !== undefined && path.type !== 'Exact' && path.type !== 'PathPrefix')
        messages.push(`${at}: a path of type ${path.type}; this gateway knows Exact, PathPrefix`);
      for (const { type } of [...headers, ...queryParams])
        if (type !== 'Exact')
          messages.push(`${at}: a match of type ${type}; this gateway knows Exact`);
    }
    const own = rule.filters ?? [];
    const found = filterFaults(own, Object.keys(requestFilters));
    for (const [type, field] of Object.entries(requestFilters))
      if (own.some((filter) => filter.type === type && filter[field] === undefined))
        found.push(`filter ${type} lacks its settings`);
    for (const { filters = [] } of rule.backendRefs ?? []) found.push(...filterFaults(filters));
    for (const text of found) messages.push(`${at}: ${text}`);
  });
  return messages.map((message) => ({ reason: 'UnsupportedValue', message }));
}

/** The rules of a route; none given is one for everything, as the Gateway API has it. */
export function rulesOf({ spec }: HttpRouteDocument): readonly HttpRule[] {
  return spec.rules ?? [{}];
}

/** The times that a rule itself gives to its calls. */
export function timeoutsOf({ timeouts }: HttpRule): Timeouts | undefined {
  const times = [timeouts?.request, timeouts?.backendRequest]
    .map((text) => (text === undefined ? undefined : gatewayDurationMs(text)))
    .filter((ms) => ms !== undefined && ms > 0) as number[];
  return times.length === 0 ? undefined : { defaultMs: undefined, maxMs: Math.min(...times) };
}

/** What a rule does with a request, beside what is done with the call. */
export function httpTarget(rule: HttpRule, compiled: CompiledRule): HttpTarget {
  const filters = rule.filters ?? [];
  const redirect = filters.find(({ type }) => type === 'RequestRedirect')?.requestRedirect;
  const rewrite = filters.find(({ type }) => type === 'URLRewrite')?.urlRewrite;
  return {
    rule: compiled,
    redirect: redirect && {
      statusCode: redirect.statusCode,
      scheme: redirect.scheme,
      hostname: redirect.hostname,
      port: redirect.port,
      path: pathChange(redirect.path),
    },
    rewrite: rewrite && { hostname: rewrite.hostname, path: pathChange(rewrite.path) },
  };
}

/** The ways into a rule, without host name; none given is one for everything. */
export function httpMatchesOf({
  matches = [],
}: HttpRule): Pick<HttpEntry<unknown>, 'path' | 'httpMethod' | 'headers' | 'query'>[] {
  return (matches.length === 0 ? [{}] : matches).map(
    ({ path, method, headers = [], queryParams = [] }: HttpMatch) => ({
      path: pathMatch(path),
      httpMethod: method ?? '',
      headers: firstOfEach(headers),
      query: [...new Map([...queryParams].reverse().map((one) => [one.name, one])).values()]
        .reverse()
        .map(({ name, value }) => ({ name, value })),
    }),
  );
}

/** A path after a change. @param path without its query @param match what the request was matched by */
export function changedPath(
  path: string,
  change: PathChange | undefined,
  match: PathMatch,
): string {
  if (change === undefined) return path;
  if (change.kind === 'prefix') return withPrefix(path, match.value, change.path);
  return change.path.startsWith('/') ? change.path : `/${change.path}`;
}

function pathMatch(path: HttpMatch['path']): PathMatch {
  const value = path?.value ?? '/';
  return path?.type === 'Exact'
    ? { type: 'exact', value: comparablePath(value) }
    : { type: 'prefix', value: comparablePrefix(value) };
}

function pathChange(path: PathModifier | undefined): PathChange | undefined {
  if (path === undefined) return undefined;
  return path.type === 'ReplaceFullPath'
    ? { kind: 'full', path: path.replaceFullPath ?? '/' }
    : { kind: 'prefix', path: path.replacePrefixMatch ?? '/' };
}
