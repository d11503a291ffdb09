/**
 * A broken invariant: the code is wrong or the disk lied. Nothing may catch it to go on; the process stops, because a replica that
 * continues could spread the damage to the others.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/**
 * Stops the process when something that must always hold does not. On in production: the checks are comparisons of numbers.
 *
 * @param message a fact with the values in it; a function when building it costs something.
 * @throws InvariantError when `condition` is false.
 */
export function invariant(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) {
    throw new InvariantError(typeof message === 'string' ? message : message());
  }
}

/** What {@link checkBounds} compares; a view of the log and of what is on disk. */
export interface Bounds {
  readonly baseIndex: number;
  readonly appliedIndex: number;
  readonly applyingIndex: number;
  readonly commitIndex: number;
  readonly lastIndex: number;
  readonly stableIndex: number;
}

/** base ≤ applied ≤ applying ≤ commit ≤ last, and stable ≤ last. Checked after every step. */
export function checkBounds(bounds: Bounds): void {
  invariant(
    bounds.baseIndex <= bounds.appliedIndex &&
      bounds.appliedIndex <= bounds.applyingIndex &&
      bounds.applyingIndex <= bounds.commitIndex &&
      bounds.commitIndex <= bounds.lastIndex &&
      bounds.stableIndex <= bounds.lastIndex,
    () => `log positions are out of order: ${JSON.stringify(bounds)}`,
  );
}
