import { type Endpoint, type Picker, type RandomSource } from './endpoint';
import { RandomPicker } from './random';
import { RoundRobinPicker } from './round-robin';
import { type SetAside } from './set-aside';
import { WeightedPicker } from './weighted';

/** The names of the picking policies, as options spell them. */
export const pickingPolicies = ['round_robin', 'random', 'weighted'] as const;

/** One of {@link pickingPolicies}. */
export type PickingPolicy = (typeof pickingPolicies)[number];

/** Builds the picker of a policy. */
export function createPicker<E extends Endpoint>(
  policy: PickingPolicy,
  random: RandomSource,
): Picker<E> {
  switch (policy) {
    case 'round_robin':
      return new RoundRobinPicker<E>(random);
    case 'random':
      return new RandomPicker<E>(random);
    case 'weighted':
      return new WeightedPicker<E>();
  }
}

/**
 * The endpoints of one service with a policy that picks among them.
 *
 * Endpoints that are set aside are skipped. When all of them are, the one whose time ends first is picked all the
 * same: refusing every call would help nobody, and a service with one instance would stay away after a restart for as
 * long as its backoff has grown.
 */
export class EndpointSet<E extends Endpoint> {
  private endpoints: readonly E[] = [];
  private readonly picker: Picker<E>;

  constructor(policy: PickingPolicy, random: RandomSource) {
    this.picker = createPicker<E>(policy, random);
  }

  /** How many endpoints there are, set aside or not. */
  get size(): number {
    return this.endpoints.length;
  }

  /** The endpoints, sorted by key. */
  list(): readonly E[] {
    return this.endpoints;
  }

  /**
   * Replaces the endpoints.
   * @throws RangeError when two endpoints have the same key or a weight is not a whole number from 1.
   */
  replace(endpoints: readonly E[]): void {
    const sorted = [...endpoints].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    sorted.forEach((endpoint, index) => {
      if (endpoint.key === sorted[index + 1]?.key)
        throw new RangeError(`two endpoints have the key ${endpoint.key}`);
      if (!Number.isSafeInteger(endpoint.weight) || endpoint.weight < 1)
        throw new RangeError(`the weight of ${endpoint.key} is ${endpoint.weight}, not from 1`);
    });
    this.endpoints = sorted;
    this.picker.replace(sorted);
  }

  /**
   * Picks an endpoint for one call at `nowMs`.
   * @param excluded keys that this call has tried already: never returned.
   */
  pick(nowMs: number, setAside: SetAside, excluded?: ReadonlySet<string>): E | undefined {
    const picked = this.picker.pick(
      (endpoint) =>
        setAside.until(endpoint.key) <= nowMs &&
        (excluded === undefined || !excluded.has(endpoint.key)),
    );
    return picked ?? this.soonest(setAside, excluded);
  }

  private soonest(setAside: SetAside, excluded: ReadonlySet<string> | undefined): E | undefined {
    let best: E | undefined;
    for (const endpoint of this.endpoints) {
      if (excluded?.has(endpoint.key) === true) continue;
      if (best === undefined || setAside.until(endpoint.key) < setAside.until(best.key))
        best = endpoint;
    }
    return best;
  }
}
