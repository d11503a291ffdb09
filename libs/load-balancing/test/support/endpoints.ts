import { BackendLoad, type Endpoint, type Picker, type PickRequest } from '../../src/index';

/** Endpoints e00, e01, … of one backend, with these weights. */
export function endpointsOf(weights: readonly number[], load = new BackendLoad(undefined)) {
  return weights.map((weight, index): Endpoint => {
    const key = `e${String(index).padStart(2, '0')}`;
    return { key, weight, zone: '', load: load.of(key, 0) };
  });
}

/** As many endpoints of equal weight. */
export function evenEndpoints(count: number, load?: BackendLoad): Endpoint[] {
  return endpointsOf(Array<number>(count).fill(100), load);
}

/** A request that every endpoint may answer, unless said otherwise. */
export function requestOf(overrides: Partial<PickRequest<Endpoint>> = {}): PickRequest<Endpoint> {
  return { nowMs: 0, hash: 0, isAvailable: () => true, ...overrides };
}

/** How often each key is picked, 'none' for no endpoint. */
export function picks(
  picker: Picker<Endpoint>,
  count: number,
  request = requestOf(),
): Map<string, number> {
  const counts = new Map<string, number>();
  for (let pick = 0; pick < count; pick += 1) {
    const key = picker.pick(request)?.key ?? 'none';
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** A small linear congruential generator: the same sequence in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** How far a count of `picks` that each have this chance may be off: five standard deviations. */
export function tolerance(picks: number, chance: number): number {
  return 5 * Math.sqrt(picks * chance * (1 - chance));
}
