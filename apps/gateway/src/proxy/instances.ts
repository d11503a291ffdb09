import { type ServiceError } from '@raftway/errors';
import { type InstanceEndpoint } from '../domain/backend';
import * as refusal from '../domain/refusal';
import { type Route } from '../domain/routing-table';

/**
 * The instance for one attempt of a call; undefined when there is none.
 * @param tried where it is not to go again. @param isFirst whether this is the first one since it was (last) sent
 */
export function pickInstance(
  { endpoints, backend: { health } }: Route,
  nowMs: number,
  tried: ReadonlySet<string> | undefined,
  isFirst: boolean,
  hash: number | undefined,
): InstanceEndpoint | undefined {
  const endpoint = endpoints.pick(nowMs, health, tried, hash);
  if (endpoint !== undefined || !isFirst || tried === undefined) return endpoint;
  // The others are left out for good: one that failed is better than none.
  return endpoints.pick(nowMs, health, undefined, hash);
}

/** Where a call is not to go again after an attempt at `key`: each of `count` instances gets it once before one gets it again, and not the same one right away if there is another. */
export function avoiding(
  key: string,
  before: Set<string> | undefined,
  count: number,
): Set<string> | undefined {
  const tried = (before ?? new Set()).add(key);
  if (tried.size < count) return tried;
  return count > 1 ? new Set([key]) : undefined;
}

/** Why no instance can be picked for a call that nobody has been given: there is none, or none that is well. */
export function noInstance(route: Route, wallMs: number): ServiceError {
  const { grpcService, service, emptySinceMs = wallMs, endpoints, backend } = route;
  const owner = backend.protection?.settings.healthCheck?.owner;
  if (endpoints.size > 0 && owner !== undefined)
    return refusal.instancesUnhealthy(grpcService, service, endpoints.size, owner);
  return refusal.noLiveInstance(grpcService, service, emptySinceMs, wallMs);
}

/** Why a call ends when no connection could be made. */
export function unreachable(route: Route, attempts: number, detail: string): ServiceError {
  return refusal.instancesUnreachable(route.grpcService, route.service, attempts, detail);
}
