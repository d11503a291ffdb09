/*
 * A register in which no value is written twice
 *
 * The problem. With many writes under way at a time the search for an order takes long: there are as many places for a write as there are calls that overlap it.
 *
 * The sketch. When each value is written once, a read names the write that it saw (Gibbons and Korach, "Testing shared memories", 1997). So the model can know
 * how many reads of the present value are still to come, and refuse to overwrite it before; a write that nobody has seen can go wherever there are none left; and it
 * need not be tried at all when its outcome is unknown. What is left to choose is the order of the writes that somebody has seen.
 */
import type { Model, Operation } from './history';
import type { RegisterInput, RegisterOutput } from './register-model';

/** What is in the register, and how many reads have yet to see it. */
export interface DistinctRegisterState {
  readonly value: string;
  readonly unread: number;
}

type Call = Operation<RegisterInput, RegisterOutput>;

/**
 * The model of one register's history, which it knows in advance.
 *
 * @throws RangeError when a value is written twice.
 */
export function distinctRegisterModel(
  history: readonly Call[],
): Model<DistinctRegisterState, RegisterInput, RegisterOutput> {
  requireDistinct(history);
  const reads = new Map<string, number>();
  for (const { input, response } of history) {
    if (input.kind === 'write' || response === undefined) continue;
    reads.set(response.output, (reads.get(response.output) ?? 0) + 1);
  }
  const unreadOf = (value: string): number => reads.get(value) ?? 0;
  return {
    initial: { value: '', unread: unreadOf('') },
    step: ({ value, unread }, input, output) => {
      if (input.kind === 'read') {
        return output === value ? { value, unread: unread - 1 } : undefined;
      }
      if (unread > 0) return undefined;
      const written = unreadOf(input.value);
      // One that nobody sees changes nothing, so it need not be taken for one that happened when nobody knows.
      if (written === 0 && output === undefined) return undefined;
      return { value: input.value, unread: written };
    },
    isHarmless: (_state, input) => input.kind === 'read' || unreadOf(input.value) === 0,
    // Without reads to come it does not matter what would be read.
    fingerprint: ({ value, unread }) => (unread === 0 ? '-' : `${value}#${unread}`),
  };
}

function requireDistinct(history: readonly Call[]): void {
  const written = new Set<string>(['']);
  for (const { input } of history) {
    if (input.kind === 'read') continue;
    if (written.has(input.value)) throw new RangeError(`"${input.value}" is written twice`);
    written.add(input.value);
  }
}
