import { DeadlinePicker } from './deadline';
import { type Endpoint, type Picker, type RandomSource } from './endpoint';
import { LeastRequestPicker } from './least-request';
import { MaglevPicker } from './maglev';
import { RandomPicker } from './random';
import { RendezvousPicker } from './rendezvous';
import { RingHashPicker } from './ring-hash';
import { RoundRobinPicker } from './round-robin';
import { type LoadBalancingSettings } from './settings';
import { SlowStart } from './slow-start';
import { TwoChoicesPicker } from './two-choices';

/** Builds the picker of a policy. */
export function createPicker<E extends Endpoint>(
  settings: LoadBalancingSettings,
  random: RandomSource,
): Picker<E> {
  const { slowStartMs } = settings;
  switch (settings.policy) {
    case 'round_robin':
      // Turns that a new endpoint leaves out would all go to the next one.
      return slowStartMs === 0 ? new RoundRobinPicker(random) : turns(random, slowStartMs, () => 1);
    case 'random':
      return new RandomPicker(random, slowStartMs);
    case 'weighted':
      return turns(random, slowStartMs, ({ weight }) => weight);
    case 'least_request':
      return new LeastRequestPicker(random, settings.leastRequestBias, slowStartMs);
    case 'peak_ewma':
      return new TwoChoicesPicker(random, ({ load }, nowMs) => load.cost(nowMs), slowStartMs);
    case 'ring_hash':
      return new RingHashPicker();
    case 'maglev':
      return new MaglevPicker();
    case 'rendezvous':
      return new RendezvousPicker();
  }
}

function turns<E extends Endpoint>(
  random: RandomSource,
  slowStartMs: number,
  weightOf: (endpoint: E) => number,
): Picker<E> {
  const slowStart = new SlowStart<E>(slowStartMs);
  return new DeadlinePicker(
    random,
    (endpoint, nowMs) => weightOf(endpoint) * slowStart.share(endpoint, nowMs),
  );
}
