import { Candidates } from './candidates';
import { type Endpoint, type Picker, type PickRequest, type RandomSource } from './endpoint';
import { SlowStart } from './slow-start';

/** Takes any available endpoint, each with the same chance, independently of earlier picks and of weights. */
export class RandomPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];
  private readonly candidates: Candidates<E>;

  /** @param slowStartMs see {@link SlowStart}. */
  constructor(random: RandomSource, slowStartMs = 0) {
    this.candidates = new Candidates(random, new SlowStart(slowStartMs), () => 1);
  }

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    this.candidates.replace(endpoints);
  }

  pick(request: PickRequest<E>): E | undefined {
    return this.endpoints[this.candidates.draw(request, -1)];
  }
}
