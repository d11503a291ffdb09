import { type Availability, type Endpoint, type Picker } from './endpoint';

/**
 * Smooth weighted round robin: exact over a cycle and without bursts.
 *
 * Every endpoint has a current value. At each pick every available endpoint's value grows by its weight, the greatest
 * is picked, and the sum of the weights is taken off it. Over one cycle (the sum of the weights, divided by their
 * greatest common divisor) each endpoint is picked exactly in proportion to its weight, and weights 5, 1, 1 give
 * a a b a c a a instead of a a a a a b c. The values always add up to zero and stay below the sum of the weights.
 * Source: nginx, commit 52327e0627f4 "Upstream: smooth weighted round-robin balancing" (2012).
 */
export class WeightedPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];
  private currents: number[] = [];

  replace(endpoints: readonly E[]): void {
    const before = new Map<string, { weight: number; current: number }>();
    this.endpoints.forEach((endpoint, index) => {
      before.set(endpoint.key, { weight: endpoint.weight, current: this.currents[index] ?? 0 });
    });
    // A new set of weights is a new cycle: values of the old one would favour or starve an endpoint.
    const unchanged =
      endpoints.length === before.size &&
      endpoints.every((endpoint) => before.get(endpoint.key)?.weight === endpoint.weight);
    this.currents = endpoints.map((endpoint) =>
      unchanged ? (before.get(endpoint.key)?.current ?? 0) : 0,
    );
    this.endpoints = endpoints;
  }

  pick(isAvailable: Availability<E>): E | undefined {
    let total = 0;
    let best: E | undefined;
    let bestIndex = -1;
    let bestCurrent = 0;
    for (let index = 0; index < this.endpoints.length; index += 1) {
      const endpoint = this.endpoints[index];
      if (endpoint === undefined || !isAvailable(endpoint)) continue;
      total += endpoint.weight;
      const current = (this.currents[index] ?? 0) + endpoint.weight;
      this.currents[index] = current;
      if (best === undefined || current > bestCurrent) {
        best = endpoint;
        bestIndex = index;
        bestCurrent = current;
      }
    }
    if (best !== undefined) this.currents[bestIndex] = bestCurrent - total;
    return best;
  }
}
