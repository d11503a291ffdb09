/*
 * A host name is of HTTPRoutes or of GRPCRoutes, and not of both.
 *
 * The Gateway API asks for that on one listener: of two routes of different kinds whose host names meet exactly one is accepted, the older one,
 * then the first by namespace and name. All listeners are one port here, so that it holds for all of them; and as the host names of the two kinds
 * have nothing in common, no call is ever between two rules of different kinds.
 */
import { type RouteDocument } from './attachment';
import { type Fault } from './conditions';
import { type SourcedDocument } from './document-set';
import { anyHostname, hostnamesFor } from './hostnames';
import { defaultNamespace } from './kinds/common';

/** A part of a route, at one parent. */
export interface AttachedPart {
  readonly hostnames: ReadonlySet<string>;
}

/** A route and where it was attached. */
export interface AttachedRoute {
  readonly source: SourcedDocument<RouteDocument>;
  readonly parts: readonly AttachedPart[];
}

/** The parts of routes that give way to a route of the other kind, and why. */
export function partsGivingWay(routes: readonly AttachedRoute[]): ReadonlyMap<AttachedPart, Fault> {
  const given = new Map<AttachedPart, Fault>();
  const taken = { GRPCRoute: new TakenHostnames(), HTTPRoute: new TakenHostnames() };
  for (const { source, parts } of meetingOtherKind(routes).sort(byAge)) {
    const { kind } = source.document;
    const others = taken[kind === 'GRPCRoute' ? 'HTTPRoute' : 'GRPCRoute'];
    for (const part of parts) {
      const conflict = first(part.hostnames, (name) => {
        const holder = others.holderOf(name);
        return holder === undefined ? undefined : conflictWith(holder, name);
      });
      if (conflict !== undefined) given.set(part, conflict);
      else for (const name of part.hostnames) taken[kind].add(name, source.id);
    }
  }
  return given;
}

/** Routes that have a host in common with one of the other kind. They are few, and at every change of one only these need an order. */
function meetingOtherKind(routes: readonly AttachedRoute[]): AttachedRoute[] {
  const grpc = routes.filter(({ source }) => source.document.kind === 'GRPCRoute');
  if (grpc.length === 0 || grpc.length === routes.length) return [];
  const http = routes.filter(({ source }) => source.document.kind === 'HTTPRoute');
  const [few, many] = grpc.length < http.length ? [grpc, http] : [http, grpc];
  const ofMany = meeting(many, few);
  return [...ofMany, ...meeting(few, ofMany)];
}

function meeting(
  routes: readonly AttachedRoute[],
  others: readonly AttachedRoute[],
): readonly AttachedRoute[] {
  const taken = new TakenHostnames();
  for (const { source, parts } of others)
    for (const { hostnames } of parts) for (const name of hostnames) taken.add(name, source.id);
  return routes.filter(({ parts }) =>
    parts.some(({ hostnames }) => first(hostnames, (name) => taken.holderOf(name)) !== undefined),
  );
}

/** The host names of the routes of one kind, and whose they are. */
class TakenHostnames {
  private readonly names = new Map<string, string>();
  /** Wildcards that have a name below them. */
  private readonly above = new Map<string, string>();

  add(hostname: string, id: string): void {
    const [name = '', ...wildcards] = coversOf(hostname);
    if (!this.names.has(name)) this.names.set(name, id);
    for (const wildcard of wildcards) if (!this.above.has(wildcard)) this.above.set(wildcard, id);
  }

  /** A route that has a host in common with this name. */
  holderOf(hostname: string): string | undefined {
    return this.above.get(hostname) ?? first(coversOf(hostname), (name) => this.names.get(name));
  }
}

/** A host name, and what covers it. */
function coversOf(hostname: string): Iterable<string> {
  if (!hostname.startsWith('*.')) return hostnamesFor(hostname);
  const [, ...wildcards] = hostnamesFor(hostname.slice(2));
  return [hostname, ...wildcards];
}

function conflictWith(holder: string, hostname: string): Fault {
  const host = hostname === anyHostname ? 'any host' : `host ${hostname}`;
  return {
    reason: 'HostnameConflict',
    message: `${host}: ${holder} comes first, and a host is of HTTPRoutes or of GRPCRoutes`,
  };
}

function first<Item, Found>(
  items: Iterable<Item>,
  find: (item: Item) => Found | undefined,
): Found | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function byAge({ source: a }: AttachedRoute, { source: b }: AttachedRoute): number {
  const one = ageOf(a);
  const other = ageOf(b);
  return one < other ? -1 : Number(one > other);
}

/** What has no age is younger than what has. */
function ageOf({ document }: SourcedDocument<RouteDocument>): string {
  const { creationTimestamp, namespace = defaultNamespace, name } = document.metadata;
  return `${creationTimestamp ?? '~'} ${namespace}/${name} ${document.kind}`;
}
