import { gateway } from '@raftway/contracts';
import {
  type CompiledComposite,
  type CompiledRule,
  type Difference,
  type DocumentStatus,
  httpActionText,
  type HttpEntry,
  httpMatchText,
  type HttpTarget,
  partText,
  pathText,
  type RouteEntry,
} from '../domain/documents';
import { type Route, type RoutingTable } from '../domain/routing-table';

const changeKinds = {
  added: gateway.ChangeKind.ADDED,
  changed: gateway.ChangeKind.CHANGED,
  removed: gateway.ChangeKind.REMOVED,
} as const;

/** A way into a rule as the API shows it. */
export function ruleRoute(
  { hostname, grpcService, method, headers, target }: RouteEntry<CompiledRule>,
  table: RoutingTable,
): gateway.Route {
  return { ...routeOf(hostname, headers, target, table), grpcService, method };
}

/** The same of an HTTPRoute. */
export function httpRuleRoute(entry: HttpEntry<HttpTarget>, table: RoutingTable): gateway.Route {
  const { hostname, headers, target } = entry;
  const route = routeOf(hostname, headers, target.rule, table);
  return { ...route, http: httpMatchText(entry), action: httpActionText(target) };
}

function routeOf(
  hostname: string,
  headers: RouteEntry<CompiledRule>['headers'],
  target: CompiledRule,
  table: RoutingTable,
): gateway.Route {
  return gateway.Route.fromPartial({
    hostname,
    headers: headers.map(({ name, value }) => `${name}: ${value}`),
    document: target.document,
    rule: target.name,
    backends: target.backends.map(({ service, weight, fault }) => ({
      service,
      weight,
      fault: fault?.message ?? '',
      liveInstances: table.liveInstancesOf(service).length,
    })),
  });
}

/** A composite as the API shows it. */
export function compositeRoute(composite: CompiledComposite): gateway.Route {
  const { hostnames, document, parts } = composite;
  return gateway.Route.fromPartial({
    hostname: hostnames.join(','),
    document,
    http: pathText(composite),
    parts: parts.map(partText),
  });
}

/** A route of what instances register as the API shows it. */
export function registeredRoute({ grpcService, service, endpoints }: Route): gateway.Route {
  const backends = [{ service, weight: 1, fault: '', liveInstances: endpoints.size }];
  return gateway.Route.fromPartial({ grpcService, backends });
}

/** A document with its conditions. */
export function documentMessage({ source, conditions }: DocumentStatus): gateway.Document {
  return { document: source.id, where: source.where, conditions: [...conditions] };
}

/** What a set changes. */
export function differenceMessage({
  documents,
  removedRoutes,
  addedRoutes,
}: Difference): Pick<
  gateway.ApplyDocumentsResponse,
  'documents' | 'removedRoutes' | 'addedRoutes'
> {
  return {
    documents: documents.map(({ id, change }) => ({ document: id, change: changeKinds[change] })),
    removedRoutes: [...removedRoutes],
    addedRoutes: [...addedRoutes],
  };
}
