/** Of the planted bugs those that must also be found when nobody looks into servers: stale reads, and acknowledged writes that are lost. */
export const SEEN_BY_CLIENTS: readonly string[] = [
  'read-before-own-commit',
  'read-confirmed-by-any-answer',
  'follower-read-at-its-own-commit',
  'short-log-elected',
  'quorum-of-half',
  'whole-log-acknowledged',
];
