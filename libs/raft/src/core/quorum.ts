/*
 * The mathematics of majorities, with no notion of servers or terms.
 *
 * A quorum is any majority of the voters: two majorities of one set share a member, which is all that Raft's safety rests on (Raft §5.4.3).
 *
 * While the members change there may be two sets, the voters before and after. Some servers know of the change and some do not yet; if either set could decide
 * alone, both might, differently. So a quorum of both is a majority of the one and a majority of the other (Raft §6, dissertation §4.3), not a majority of all together:
 * of {1, 2, 3} and {1, 2, 3, 4, 5, 6, 7} the servers 4 to 7 are most of the union, and share nobody with the majority {1, 2} of the first set.
 */

/** The sets of which a majority each has to agree: one, or two in a joint configuration. */
export type Majorities = readonly (readonly number[])[];

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

/** The largest value that a majority of each set has reached. */
export function jointQuorumValue(
  majorities: Majorities,
  valueOf: (voter: number) => number,
): number {
  let reached = Infinity;
  for (const voters of majorities) reached = Math.min(reached, quorumValue(voters.map(valueOf)));
  return reached === Infinity ? 0 : reached;
}

/** True when a majority of each set satisfies the condition. */
export function isQuorum(majorities: Majorities, holds: (voter: number) => boolean): boolean {
  return jointQuorumValue(majorities, (voter) => (holds(voter) ? 1 : 0)) === 1;
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

/** An election is won when it is won in each set, and lost when it is lost in one. */
export function countJointVotes(
  majorities: Majorities,
  votes: ReadonlyMap<number, boolean>,
): VoteResult {
  const results = majorities.map((voters) => countVotes(voters, votes));
  if (results.includes('lost')) return 'lost';
  return results.includes('pending') ? 'pending' : 'won';
}
