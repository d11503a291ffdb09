import { type Availability, type Endpoint, type Picker, type RandomSource } from './endpoint';

/** Takes any available endpoint, each with the same chance, independently of earlier picks and of weights. */
export class RandomPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];

  constructor(private readonly random: RandomSource) {}

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
  }

  pick(isAvailable: Availability<E>): E | undefined {
    // Reservoir sampling would draw once an endpoint; counting first draws once a pick.
    let available = 0;
    for (const endpoint of this.endpoints) if (isAvailable(endpoint)) available += 1;
    if (available === 0) return undefined;
    let remaining = Math.floor(this.random() * available);
    for (const endpoint of this.endpoints) {
      if (!isAvailable(endpoint)) continue;
      if (remaining === 0) return endpoint;
      remaining -= 1;
    }
    return undefined;
  }
}
