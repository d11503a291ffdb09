import type { Model } from './history';

/** Takes so many numbers. */
export interface SequenceInput {
  readonly count: number;
}

/** The numbers taken, both ends included. */
export interface SequenceOutput {
  readonly first: number;
  readonly last: number;
}

/**
 * A sequence without gaps: each call takes the numbers that follow those of the call before it. A call of unknown outcome takes its numbers or does
 * not, so that it is the only thing that explains a gap.
 *
 * @param first the number with which the sequence starts
 */
export function sequenceModel(first = 1): Model<number, SequenceInput, SequenceOutput> {
  return {
    initial: first,
    step: (next, { count }, output) => {
      if (output === undefined) return next + count;
      return output.first === next && output.last === next + count - 1 ? next + count : undefined;
    },
    fingerprint: String,
  };
}
