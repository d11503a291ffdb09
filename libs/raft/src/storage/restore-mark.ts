/**
 * What a restore has written and not yet put in its place is in this folder of the data directory. As long as it is there, nothing starts from the directory: half of
 * what a restore makes is not a group's state, and nothing is not either.
 */
export const RESTORING_NAME = 'restoring';
