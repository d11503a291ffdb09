import { type Endpoint, type Picker, type PickRequest } from './endpoint';
import { firstAvailable } from './first-available';
import { hashPair } from './hash';

/** Slots of the table: a prime, so that every step visits all of them. A hundred times as many as endpoints keep shares within 1 %. */
export const maglevTableSize = 65_537;

/** Slots per endpoint that are looked at before all endpoints are instead. */
const stepsPerEndpoint = 4;
const unfilled = 0xffffffff;

/**
 * Maglev hashing: a table of slots that endpoints fill in turns, each in an order of preference of its own, so that all get
 * equal numbers (or numbers in proportion to their weights), and a key is one look-up. When an endpoint goes, its keys move,
 * and few others. The table is built at the first pick after a change, in some ten milliseconds, and takes 256 KiB.
 * Source: Eisenbud et al., "Maglev: a fast and reliable software network load balancer" (2016), 3.4; weights as in Envoy.
 */
export class MaglevPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];
  private table: Uint32Array | undefined;

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    this.table = undefined;
  }

  pick(request: PickRequest<E>): E | undefined {
    const { endpoints } = this;
    if (endpoints.length === 0) return undefined;
    const table = (this.table ??= tableOf(endpoints));
    const steps = Math.min(maglevTableSize, endpoints.length * stepsPerEndpoint);
    for (let step = 0; step < steps; step += 1) {
      const endpoint = endpoints[table[(request.hash + step) % maglevTableSize] ?? 0];
      if (endpoint !== undefined && request.isAvailable(endpoint)) return endpoint;
    }
    return firstAvailable(endpoints, request);
  }
}

/** An endpoint that fills the table. */
interface Filler {
  readonly index: number;
  readonly weight: number;
  readonly skip: number;
  /** The slot that it prefers next. */
  next: number;
  /** Slots that it has taken. */
  taken: number;
}

/**
 * In each round the heaviest endpoints take a slot, and the others in as many rounds as their weight is of the greatest.
 * Only those whose turn it is are looked at: the time does not depend on how different the weights are.
 */
function tableOf(endpoints: readonly Endpoint[]): Uint32Array {
  const table = new Uint32Array(maglevTableSize).fill(unfilled);
  const greatest = Math.max(...endpoints.map(({ weight }) => weight));
  const rounds = new Map<number, Filler[]>([[1, endpoints.map(fillerOf)]]);
  let filled = 0;
  for (let round = 1; ; round += 1) {
    for (const filler of rounds.get(round) ?? []) {
      take(table, filler);
      filled += 1;
      if (filled === maglevTableSize) return table;
      const next = Math.floor((filler.taken * greatest) / filler.weight) + 1;
      const others = rounds.get(next);
      if (others === undefined) rounds.set(next, [filler]);
      else others.push(filler);
    }
    rounds.delete(round);
  }
}

function fillerOf({ key, weight }: Endpoint, index: number): Filler {
  const [first, second] = hashPair(key);
  const skip = (second % (maglevTableSize - 1)) + 1;
  return { index, weight, skip, next: first % maglevTableSize, taken: 0 };
}

/** Gives a filler the first free slot of those that it prefers. */
function take(table: Uint32Array, filler: Filler): void {
  let slot = filler.next;
  while (table[slot] !== unfilled) {
    slot += filler.skip;
    if (slot >= maglevTableSize) slot -= maglevTableSize;
  }
  table[slot] = filler.index;
  filler.next = slot;
  filler.taken += 1;
}
