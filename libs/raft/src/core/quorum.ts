/*
 * The mathematics of majorities, with no notion of servers or terms.
 *
 * A quorum is any majority of the voters: two majorities of one set share a member, which is all that Raft's safety rests on (Raft §5.4.3).
 * Membership change will add a second set whose majority must agree as well (dissertation §4.3); it belongs in this file.
 */

/** How many of `voters` make a majority. */
export function quorumSize(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * The largest value that a majority has reached: with match indexes, what may be committed; with acknowledged rounds, the newest round that
 * a majority answered.
 *
 * @param values one a voter; 0 for those of whom nothing is known. Sorted in place.
 * @returns 0 for no voters.
 */
export function quorumValue(values: number[]): number {
  values.sort((left, right) => right - left);
  return values[quorumSize(values.length) - 1] ?? 0;
}

/** Where an election stands. */
export type VoteResult = 'won' | 'lost' | 'pending';

/** Counts the votes of `voters` only: whoever else answered does not matter (a learner's answer is no vote). */
export function countVotes(
  voters: readonly number[],
  votes: ReadonlyMap<number, boolean>,
): VoteResult {
  const needed = quorumSize(voters.length);
  let granted = 0;
  let refused = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === true) granted += 1;
    if (vote === false) refused += 1;
  }
  if (granted >= needed) return 'won';
  return voters.length - refused < needed ? 'lost' : 'pending';
}
