import { DeadlinePicker } from './deadline';
import { type Endpoint, type Picker, type PickRequest, type RandomSource } from './endpoint';
import { SlowStart } from './slow-start';
import { TwoChoicesPicker } from './two-choices';

/**
 * Least request: the one with fewer open calls of two endpoints, as long as all weigh the same. With different weights,
 * turns in proportion to weight / (open calls + 1)^bias: of two drawn at random the heavier would nearly always win.
 * Source: "Weighted least request" in Envoy's documentation of its load balancers.
 */
export class LeastRequestPicker<E extends Endpoint> implements Picker<E> {
  private readonly even: TwoChoicesPicker<E>;
  private readonly uneven: DeadlinePicker<E>;
  private current: Picker<E>;

  /**
   * @param bias how much open calls count: 0 not at all, 1 in proportion, more to keep calls off busy endpoints harder.
   * @param slowStartMs see {@link SlowStart}.
   */
  constructor(random: RandomSource, bias: number, slowStartMs = 0) {
    const slowStart = new SlowStart<E>(slowStartMs);
    this.even = new TwoChoicesPicker(random, ({ load }) => load.active, slowStartMs);
    this.uneven = new DeadlinePicker(
      random,
      (endpoint, nowMs) =>
        (endpoint.weight * slowStart.share(endpoint, nowMs)) / (endpoint.load.active + 1) ** bias,
    );
    this.current = this.even;
  }

  replace(endpoints: readonly E[]): void {
    const isEven = endpoints.every(({ weight }) => weight === endpoints[0]?.weight);
    this.current = isEven ? this.even : this.uneven;
    this.even.replace(isEven ? endpoints : []);
    this.uneven.replace(isEven ? [] : endpoints);
  }

  pick(request: PickRequest<E>): E | undefined {
    return this.current.pick(request);
  }
}
