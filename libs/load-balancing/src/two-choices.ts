import { Candidates } from './candidates';
import { type Endpoint, type Picker, type PickRequest, type RandomSource } from './endpoint';
import { SlowStart } from './slow-start';

/**
 * Draws two endpoints and takes the one that costs less: nearly as even as comparing all of them, in constant time, and
 * without the herd that runs to the one that looked best a moment ago. Heavier endpoints are drawn more often.
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001).
 */
export class TwoChoicesPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];
  private readonly candidates: Candidates<E>;

  /**
   * @param costOf what one more call to an endpoint costs.
   * @param slowStartMs see {@link SlowStart}.
   */
  constructor(
    random: RandomSource,
    private readonly costOf: (endpoint: E, nowMs: number) => number,
    slowStartMs = 0,
  ) {
    const slowStart = new SlowStart<E>(slowStartMs);
    this.candidates = new Candidates(random, slowStart, ({ weight }) => weight);
  }

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    this.candidates.replace(endpoints);
  }

  pick(request: PickRequest<E>): E | undefined {
    const firstIndex = this.candidates.draw(request, -1);
    const first = this.endpoints[firstIndex];
    if (first === undefined) return undefined;
    const second = this.endpoints[this.candidates.draw(request, firstIndex)];
    if (second === undefined) return first;
    const { nowMs } = request;
    return this.costOf(second, nowMs) < this.costOf(first, nowMs) ? second : first;
  }
}
