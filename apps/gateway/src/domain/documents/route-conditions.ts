import { condition, type Condition, type Fault } from './conditions';
import { type RouteOutcome } from './route-outcome';
import { type IsKnownService } from './sources';

/** What is true of a route. */
export function routeConditions(
  { faults, parts }: RouteOutcome,
  isKnown: IsKnownService,
): Condition[] {
  const rules = new Set(
    parts.flatMap(({ entries, httpEntries }) => [
      ...entries.map(({ target }) => target),
      ...httpEntries.map(({ target }) => target.rule),
    ]),
  );
  const backends = [...rules].flatMap((rule) =>
    rule.backends.flatMap((backend) => [backend, ...(backend.mirrors ?? [])]),
  );
  const unresolved = backends.flatMap(
    ({ service, fault }) => fault ?? (isKnown(service) ? [] : [backendNotFound(service)]),
  );
  const notUsed = [{ reason: 'Invalid', message: 'it is not accepted' }];
  return [
    condition('Accepted', faults, 'its parents have taken it'),
    condition('ResolvedRefs', distinct(unresolved), 'its backends are registered'),
    condition(
      'Programmed',
      parts.length > 0 ? [] : notUsed,
      `calls are routed by ${rules.size} rules`,
    ),
  ];
}

function backendNotFound(service: string): Fault {
  return { reason: 'BackendNotFound', message: `${service} has never been registered` };
}

function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [fault.message, fault])).values()];
}
