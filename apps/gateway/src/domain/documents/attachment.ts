import { type Fault } from './conditions';
import { type SourcedDocument } from './document-set';
import { anyHostname, commonHostname } from './hostnames';
import { defaultNamespace, gatewayApiGroup } from './kinds/common';
import { type GatewayDocument, type Listener } from './kinds/gateway';
import { type GrpcRouteDocument, type ParentRef } from './kinds/grpc-route';
import { type HttpRouteDocument } from './kinds/http-route';

/** Protocols that the gateway's port speaks. */
const protocols: readonly string[] = ['HTTP', 'HTTPS'];

/** A Gateway and where it came from. */
export type GatewaySource = SourcedDocument<GatewayDocument>;

/** One parent that has taken a route. */
export interface Attachment {
  /** Undefined for a route without parentRefs, which is the gateway's itself. */
  readonly gateway: GatewaySource | undefined;
  /** Host names of the route in it. */
  readonly hostnames: ReadonlySet<string>;
}

/** A route of any kind. */
export type RouteDocument = GrpcRouteDocument | HttpRouteDocument;

/** What parents say to a route. */
export interface Attachments {
  readonly accepted: readonly Attachment[];
  readonly faults: readonly Fault[];
}

/** The namespace of a document. */
export function namespaceOf({ metadata }: SourcedDocument['document']): string {
  return metadata.namespace ?? defaultNamespace;
}

/** Listeners that cannot be served. */
export function listenerFaults({ spec }: GatewayDocument): Fault[] {
  return spec.listeners
    .filter(({ protocol }) => !protocols.includes(protocol))
    .map(({ name, protocol }) => ({
      reason: 'UnsupportedProtocol',
      message: `listener ${name}: protocol ${protocol} is not one of ${protocols.join(', ')}`,
    }));
}

/** Attaches a route to its parents, by the listeners' names, permissions and host names. */
export function attach(
  route: RouteDocument,
  gateways: ReadonlyMap<string, GatewaySource>,
): Attachments {
  const { parentRefs = [], hostnames: named = [] } = route.spec;
  const wanted = named.length === 0 ? [anyHostname] : named;
  if (parentRefs.length === 0)
    return { accepted: [{ gateway: undefined, hostnames: new Set(wanted) }], faults: [] };
  // Two references to listeners of one Gateway are one attachment with both host names.
  const accepted = new Map<GatewaySource, Set<string>>();
  const faults: Fault[] = [];
  for (const parent of parentRefs) {
    const namespace = parent.namespace ?? namespaceOf(route);
    const title = `parent ${parent.kind} ${namespace}/${parent.name}`;
    const isGateway = parent.group === gatewayApiGroup && parent.kind === 'Gateway';
    const gateway = isGateway ? gateways.get(`${namespace}/${parent.name}`) : undefined;
    if (gateway === undefined) {
      faults.push({ reason: 'NoMatchingParent', message: `${title} does not exist` });
      continue;
    }
    const found = hostnamesIn(route, gateway, parent, wanted);
    if ('reason' in found) faults.push({ ...found, message: `${title}: ${found.message}` });
    else accepted.set(gateway, new Set([...(accepted.get(gateway) ?? []), ...found.hostnames]));
  }
  return {
    accepted: [...accepted].map(([gateway, hostnames]) => ({ gateway, hostnames })),
    faults,
  };
}

function hostnamesIn(
  route: RouteDocument,
  { document: gateway }: GatewaySource,
  { sectionName }: ParentRef,
  wanted: readonly string[],
): { readonly hostnames: readonly string[] } | Fault {
  const { listeners } = gateway.spec;
  const named = listeners.filter(
    ({ name, protocol }) =>
      (sectionName === undefined || name === sectionName) && protocols.includes(protocol),
  );
  if (named.length === 0)
    return {
      reason: 'NoMatchingParent',
      message: sectionName === undefined ? 'no usable listener' : `no listener ${sectionName}`,
    };
  const sameNamespace = namespaceOf(gateway) === namespaceOf(route);
  const allowing = named.filter((listener) => allows(listener, sameNamespace, route.kind));
  if (allowing.length === 0)
    return {
      reason: 'NotAllowedByListeners',
      message: 'allowedRoutes of its listeners do not take this route',
    };
  const hostnames = allowing.flatMap(({ hostname = anyHostname }) =>
    wanted.flatMap((name) => commonHostname(name, hostname) ?? []),
  );
  if (hostnames.length === 0)
    return {
      reason: 'NoMatchingListenerHostname',
      message: 'no host name of the route is one of its listeners',
    };
  return { hostnames };
}

function allows(
  { allowedRoutes }: Listener,
  sameNamespace: boolean,
  routeKind: RouteDocument['kind'],
): boolean {
  const from = allowedRoutes?.namespaces?.from ?? 'Same';
  // Namespaces carry no labels here, so a selector selects none.
  if (from !== 'All' && !(from === 'Same' && sameNamespace)) return false;
  const kinds = allowedRoutes?.kinds;
  return (
    kinds === undefined ||
    kinds.length === 0 ||
    kinds.some(({ group, kind }) => group === gatewayApiGroup && kind === routeKind)
  );
}
