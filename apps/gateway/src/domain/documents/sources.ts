/*
 * What documents of a set are, and what they are called.
 */
import { type GatewaySource, namespaceOf, type RouteDocument } from './attachment';
import { isKind, type SourcedDocument } from './document-set';
import { type AnyDocument } from './kinds';
import { type CompositeRouteDocument } from './kinds/composite-route';
import { type GatewayDocument } from './kinds/gateway';

/** Of the targets of policies that are registered services; see `PolicyIndex`. */
export const servicePrefix = 'Service ';

/** Whether a registered service has ever been seen. */
export type IsKnownService = (service: string) => boolean;

/** Whether there is what a policy names; see `PolicyIndex` for the keys. */
export function targetExists(
  key: string,
  byId: ReadonlyMap<string, SourcedDocument>,
  isKnown: IsKnownService,
): boolean {
  if (key.startsWith(servicePrefix)) return isKnown(key.slice(servicePrefix.length));
  if (byId.has(key)) return true;
  const end = key.lastIndexOf('/');
  const route = byId.get(key.slice(0, end));
  if (route === undefined || !isRoute(route)) return false;
  return (route.document.spec.rules ?? []).some(({ name }) => name === key.slice(end + 1));
}

/** The Gateways of a set, by namespace and name. */
export function gatewaysOf(
  sources: readonly SourcedDocument[],
): ReadonlyMap<string, GatewaySource> {
  const gateways = sources.filter((source) => isKind<GatewayDocument>(source, 'Gateway'));
  return new Map(gateways.map((source) => [nameOf(source), source]));
}

/** The policies of one kind, in the order in which they count. */
export function policiesOf<D extends AnyDocument>(
  sources: readonly SourcedDocument[],
  kind: D['kind'],
): SourcedDocument<D>[] {
  const policies = sources.filter((source) => isKind<D>(source, kind));
  return policies.sort((a, b) => (a.order < b.order ? -1 : 1));
}

/** Whether a document routes calls or requests. */
export function isRoute(source: SourcedDocument): source is SourcedDocument<RouteDocument> {
  return isKind(source, 'GRPCRoute') || isKind(source, 'HTTPRoute');
}

/** Whether a document is a CompositeRoute. */
export function isComposite(
  source: SourcedDocument,
): source is SourcedDocument<CompositeRouteDocument> {
  return isKind(source, 'CompositeRoute');
}

/** `namespace/name`. */
export function nameOf({ document }: SourcedDocument): string {
  return `${namespaceOf(document)}/${document.metadata.name}`;
}
