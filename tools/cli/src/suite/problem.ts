/** How much something matters: an error stops somebody's work, a warning will, a note only informs. */
export type Severity = 'error' | 'warning' | 'note';

/** Something that is not as it should be. */
export interface Problem {
  readonly severity: Severity;
  /** What it is about, such as "lock-service" or "registry-2". */
  readonly subject: string;
  /** One sentence with the figures in it. */
  readonly fact: string;
  /** What to do about it, in whole sentences. */
  readonly remedy: string;
}

const ORDER: readonly Severity[] = ['error', 'warning', 'note'];

/** The most severe first, otherwise as they were. */
export function bySeverity<Kind extends { readonly severity: Severity }>(
  problems: readonly Kind[],
): Kind[] {
  return problems.toSorted(
    (left, right) => ORDER.indexOf(left.severity) - ORDER.indexOf(right.severity),
  );
}
