import { SNOWFLAKE_WORKER_MAX } from '@raftway/ids';

// What the replicated state may hold. All replicas must agree on these, so they are constants of the format and no options.

/** Worker numbers are 0 … {@link WORKERS_MAX} - 1. */
export const WORKERS_MAX = SNOWFLAKE_WORKER_MAX + 1;

/** How far a ceiling may be ahead of the group's clock, in milliseconds. See docs/adr/010-id-ceilings.md. */
export const CEILING_AHEAD_MAX_MS = 10_000;

/** How long a replica's report of its wall clock counts, in milliseconds of the log clock. */
export const CLOCK_REPORT_TTL_MS = 30_000;
/** How many clock reports are kept; the oldest goes first. */
export const CLOCK_REPORTS_MAX = 1024;

/** Bounds of a worker lease's length, in milliseconds of the log clock. */
export const LEASE_MIN_MS = 1_000;
export const LEASE_MAX_MS = 600_000;
/** The most that a lease may reserve ahead, in milliseconds. Below {@link CEILING_AHEAD_MAX_MS}, or nothing could be granted. */
export const RESERVE_MAX_MS = 5_000;

/** Instance ids and incarnations: at most so many UTF-16 units. */
export const OWNER_LENGTH_MAX = 256;

/** How many sequences there may be. They are never deleted: a forgotten sequence would start again at 1 and repeat its numbers. */
export const SEQUENCES_MAX = 100_000;
/** Unicode characters in a sequence's name. */
export const SEQUENCE_NAME_LENGTH_MAX = 256;
/** How many numbers one call may take. */
export const SEQUENCE_COUNT_MAX = 1_000_000;
/** The last number of a sequence: the largest signed 64-bit integer. */
export const SEQUENCE_NUMBER_MAX = 2n ** 63n - 1n;

/** How many ids one call may ask for. */
export const IDS_COUNT_MAX = 10_000;
