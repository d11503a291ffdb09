/** A number from 0 (included) to 1 (excluded). Passed in, so that decisions stay reproducible. */
export type RandomSource = () => number;
