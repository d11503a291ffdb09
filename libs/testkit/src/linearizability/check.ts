import { type Model, type Operation, partitionByKey } from './history';
import { searchOrder } from './search';

/** How often the model may be asked for one key: some seconds of work. */
const STEPS_MAX_DEFAULT = 5_000_000;

/** What is known of a history: every key has an order, some key has none, or the search gave up on some key and found no violation. */
export interface LinearizabilityResult {
  readonly verdict: 'linearizable' | 'violated' | 'unknown';
  readonly keys: number;
  readonly operations: number;
  /** How often the model was asked, over all keys. */
  readonly steps: number;
  /** One sentence for each key that is violated or undecided. */
  readonly findings: readonly string[];
}

/**
 * Checks that a history is linearizable, key by key: a history is linearizable if and only if its part for every object is (Herlihy and Wing's
 * locality theorem). Pure, and bounded: a key that takes more than `stepsMax` questions to the model is reported as undecided.
 *
 * @param options.stepsMax per key; default 5000000
 */
export function checkLinearizability<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  options: { readonly stepsMax?: number } = {},
): LinearizabilityResult {
  const partitions = partitionByKey(operations);
  const findings: string[] = [];
  let steps = 0;
  let isViolated = false;
  for (const [key, partition] of partitions) {
    const result = searchOrder(partition, model, options.stepsMax ?? STEPS_MAX_DEFAULT);
    steps += result.steps;
    if (result.verdict === 'violated') {
      isViolated = true;
      findings.push(`"${key}" is not linearizable: ${result.explanation}`);
    } else if (result.verdict === 'unknown') {
      findings.push(`"${key}" is undecided after ${result.steps} steps`);
    }
  }
  const undecided = findings.length > 0 ? 'unknown' : 'linearizable';
  return {
    verdict: isViolated ? 'violated' : undecided,
    keys: partitions.size,
    operations: operations.length,
    steps,
    findings,
  };
}
