import { type RouteDocument } from './attachment';
import { type HttpTarget } from './compile-http-route';
import { type CompiledRule } from './compile-route';
import { type Fault } from './conditions';
import { type SourcedDocument } from './document-set';
import { type HttpEntry } from './http-route-index';
import { type RouteEntry } from './route-index';
import { partsGivingWay } from './shared-hostnames';

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
