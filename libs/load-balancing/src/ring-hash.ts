import { type Endpoint, type Picker, type PickRequest } from './endpoint';
import { firstAvailable } from './first-available';
import { hashPair, mix } from './hash';

/** Points of an endpoint of average weight, give or take a factor of √2: shares differ by about 6 % then. */
const pointsAverage = 256;
/** Points of the ring, give or take that factor: it bounds the time of a rebuild. */
const pointsMax = 262_144;
/** A point is its place times this, plus the index of its endpoint: one exact number, so that points are sorted natively. */
const indexes = 2 ** 20;
/** Steps along the ring per endpoint before all endpoints are looked at instead. */
const stepsPerEndpoint = 4;

/**
 * Consistent hashing on a ring: every endpoint has points on it in proportion to its weight, and a key belongs to the
 * next point. When an endpoint goes, only its own keys move, each to the endpoint of the point behind.
 * The ring is built at the first pick after a change.
 * Source: Karger et al., "Consistent hashing and random trees" (1997).
 */
export class RingHashPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];
  private ring: Float64Array | undefined;

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    this.ring = undefined;
  }

  pick(request: PickRequest<E>): E | undefined {
    const { endpoints } = this;
    if (endpoints.length === 0) return undefined;
    const ring = (this.ring ??= ringOf(endpoints));
    let at = firstFrom(ring, request.hash * indexes);
    const steps = Math.min(ring.length, endpoints.length * stepsPerEndpoint);
    for (let step = 0; step < steps; step += 1) {
      if (at === ring.length) at = 0;
      const endpoint = endpoints[(ring[at] ?? 0) % indexes];
      if (endpoint !== undefined && request.isAvailable(endpoint)) return endpoint;
      at += 1;
    }
    return firstAvailable(endpoints, request);
  }
}

function ringOf(endpoints: readonly Endpoint[]): Float64Array {
  const pointsPerWeight = scaleOf(endpoints);
  const counts = endpoints.map(({ weight }) => Math.max(1, Math.round(weight * pointsPerWeight)));
  const ring = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let filled = 0;
  endpoints.forEach(({ key }, index) => {
    const [first, second] = hashPair(key);
    const count = counts[index] ?? 0;
    for (let point = 0; point < count; point += 1) {
      ring[filled] = mix(first + Math.imul(point, second | 1)) * indexes + index;
      filled += 1;
    }
  });
  return ring.sort();
}

/**
 * Points per unit of weight: a power of two, so that it, and with it every point, stays as it is when endpoints come and
 * go, until their number or their average weight has changed much.
 */
function scaleOf(endpoints: readonly Endpoint[]): number {
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);
  const points = Math.min(pointsAverage * endpoints.length, pointsMax);
  return 2 ** Math.round(Math.log2(points / total));
}

/** The index of the first number that is not below `value`; the length when there is none. */
function firstFrom(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
