import { type ServiceError } from '@raftway/errors';
import { type HeaderPairs, headerValue } from '@raftway/http2';
import {
  type CompiledDocuments,
  type CompiledRule,
  hostOf,
  pickBackend,
  type RuleBackend,
} from '../domain/documents';
import { type GrpcPath } from '../domain/grpc-path';
import * as refusal from '../domain/refusal';
import { type Route, type RoutingTable } from '../domain/routing-table';
import { isIdentityHeader } from '../domain/security/identity-headers';
import { type CallTraffic } from './call-traffic';

/** Where a rule sends one call. */
export interface DocumentRoute {
  readonly route: Route;
  readonly backend: RuleBackend;
  /** What is done to the call beside; undefined for nothing. */
  readonly traffic?: CallTraffic | undefined;
}

/** The host that documents match a call with. */
export function callHost(headers: HeaderPairs): string {
  return hostOf(headerValue(headers, ':authority') ?? headerValue(headers, 'host') ?? '');
}

/** A header that rules go by. What only the gateway may say decides nothing when a client says it. */
export function ruleHeader(headers: HeaderPairs, name: string): string | undefined {
  return isIdentityHeader(name) ? undefined : headerValue(headers, name);
}

/** The rule that takes a call; undefined when none does. */
export function ruleFor(
  { routes }: CompiledDocuments,
  { grpcService, method }: GrpcPath,
  headers: HeaderPairs,
): CompiledRule | undefined {
  const header = (name: string): string | undefined => ruleHeader(headers, name);
  return routes.find({ host: callHost(headers), grpcService, method, header })?.target;
}

/** Picks a backend of a rule for one call, or says why it is refused. */
export function routeByRule(
  rule: CompiledRule,
  grpcService: string,
  table: RoutingTable,
  random: () => number,
): DocumentRoute | ServiceError {
  const backend = pickBackend(rule, random);
  if (backend === undefined) return refusal.routeWithoutBackend(ruleText(rule));
  return routeToBackend(rule, backend, grpcService, table);
}

/** Where calls of a rule go that are for one of its backends, or why they are refused. */
export function routeToBackend(
  rule: CompiledRule,
  backend: RuleBackend,
  grpcService: string,
  table: RoutingTable,
): DocumentRoute | ServiceError {
  const { service, fault } = backend;
  if (fault !== undefined) return refusal.backendUnknown(service, ruleText(rule), fault.message);
  const route = table.routeTo(service, grpcService);
  if (route === undefined)
    return refusal.backendUnknown(service, ruleText(rule), 'it has never been registered');
  return { route, backend };
}

/** A rule, as refusals name it. */
export function ruleText({ document, name }: CompiledRule): string {
  return `rule ${name} of ${document}`;
}
