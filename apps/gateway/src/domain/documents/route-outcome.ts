import { type RouteDocument } from './attachment';
import { type HttpTarget } from './compile-http-route';
import { type CompiledRule } from './compile-route';
import { type Fault } from './conditions';
import { type SourcedDocument } from './document-set';
import { type HttpEntry } from './http-route-index';
import { type RouteEntry } from './route-index';
import { partsGivingWay } from './shared-hostnames';
import { type RuleLimits } from '../limits/limit-settings';

/** A route at one of its parents. */
export interface RoutePart {
  /** Undefined for the gateway itself. */
  readonly gateway: string | undefined;
  readonly hostnames: ReadonlySet<string>;
  readonly entries: readonly RouteEntry<CompiledRule>[];
  readonly httpEntries: readonly HttpEntry<HttpTarget>[];
}

/** What a route was compiled to. */
export interface RouteOutcome {
  readonly source: SourcedDocument<RouteDocument>;
  readonly faults: readonly Fault[];
  /** At each of the parents that have taken it; none for a route that is not used. */
  readonly parts: readonly RoutePart[];
}

/** The same list when nothing gives way, which is the case wherever routes are of one kind. */
export function withoutConflicts(
  outcomes: readonly (RouteOutcome | undefined)[],
): readonly (RouteOutcome | undefined)[] {
  const conflicts = partsGivingWay(outcomes.filter((outcome) => outcome !== undefined));
  if (conflicts.size === 0) return outcomes;
  return outcomes.map((outcome) => {
    const faults = outcome?.parts.flatMap((part) => conflicts.get(part) ?? []) ?? [];
    if (outcome === undefined || faults.length === 0) return outcome;
    const parts = outcome.parts.filter((part) => !conflicts.has(part));
    return { ...outcome, faults: [...outcome.faults, ...faults], parts };
  });
}

/** The kinds of routes, each as often as there is one of it. */
export function* kindsIn(outcomes: readonly (RouteOutcome | undefined)[]): Generator<string> {
  for (const outcome of outcomes) if (outcome !== undefined) yield outcome.source.document.kind;
}

/** The ways into GRPCRoutes. */
export function entriesIn(
  outcomes: readonly (RouteOutcome | undefined)[],
): RouteEntry<CompiledRule>[] {
  return outcomes.flatMap((outcome) => outcome?.parts.flatMap(({ entries }) => entries) ?? []);
}

/** The ways into HTTPRoutes. */
export function httpEntriesIn(
  outcomes: readonly (RouteOutcome | undefined)[],
): HttpEntry<HttpTarget>[] {
  return outcomes.flatMap(
    (outcome) => outcome?.parts.flatMap(({ httpEntries }) => httpEntries) ?? [],
  );
}

/** The registered services that rules send calls to, or copies of them: each as often as a way leads to it. */
export function* servicesIn(outcomes: readonly (RouteOutcome | undefined)[]): Generator<string> {
  for (const { backends } of rulesIn(outcomes))
    for (const backend of backends)
      for (const { service, fault } of [backend, ...(backend.mirrors ?? [])])
        if (fault === undefined) yield service;
}

/** What calls of rules count against: each as often as there is a way into its rule. */
export function* limitsIn(outcomes: readonly (RouteOutcome | undefined)[]): Generator<RuleLimits> {
  for (const { limits } of rulesIn(outcomes)) if (limits !== undefined) yield limits;
}

function* rulesIn(outcomes: readonly (RouteOutcome | undefined)[]): Generator<CompiledRule> {
  for (const outcome of outcomes) {
    for (const { entries, httpEntries } of outcome?.parts ?? []) {
      for (const { target } of entries) yield target;
      for (const { target } of httpEntries) yield target.rule;
    }
  }
}
