/**
 * The Snowflake format: one positive 63-bit integer that sorts by the time it was made.
 *
 *     63   62                                       22 21        12 11          0
 *     ┌───┬────────────────────────────────────────────┬────────────┬─────────────┐
 *     │ 0 │ milliseconds since the epoch (41 bits)     │ worker(10) │ sequence(12)│
 *     └───┴────────────────────────────────────────────┴────────────┴─────────────┘
 *
 * A JavaScript number is exact only to 2^53, which an id passes 25 days after the epoch, and its shifts only see 32 bits. Bigint is
 * exact, but every bigint operation allocates. So ids are put together as two 32-bit halves in a typed array, in plain integer
 * arithmetic, and read through a 64-bit view of the same bytes: one allocation an id. Source of the layout: Twitter's Snowflake, 2010.
 */
import { IdError } from './id-error';

/** The largest number of milliseconds since the epoch: 69.7 years. */
export const SNOWFLAKE_TIMESTAMP_MAX = 2 ** 41 - 1;
/** The largest worker number. */
export const SNOWFLAKE_WORKER_MAX = 1023;
/** The largest sequence number within one millisecond and worker. */
export const SNOWFLAKE_SEQUENCE_MAX = 4095;
/** The largest id. */
export const SNOWFLAKE_MAX = 2n ** 63n - 1n;

/** The parts of an id. */
export interface SnowflakeParts {
  /** Milliseconds since the epoch, 0 to {@link SNOWFLAKE_TIMESTAMP_MAX}. */
  readonly timestampMs: number;
  /** 0 to {@link SNOWFLAKE_WORKER_MAX}. */
  readonly worker: number;
  /** 0 to {@link SNOWFLAKE_SEQUENCE_MAX}. */
  readonly sequence: number;
}

const WORKER_SHIFT = 12;
const TIMESTAMP_SHIFT = 22;
/** The ten lowest bits of the timestamp are in the low half: 32 - {@link TIMESTAMP_SHIFT}. */
const TIMESTAMP_LOW_SIZE = 1024;

const bytes = new ArrayBuffer(8);
const halves = new Uint32Array(bytes);
const whole = new BigUint64Array(bytes);
const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const LOW = isLittleEndian ? 0 : 1;
const HIGH = 1 - LOW;

/** Puts an id together. Throws {@link IdError} `outOfRange` when a part does not fit its bits. */
export function encodeSnowflake(parts: SnowflakeParts): bigint {
  assertInRange('timestampMs', parts.timestampMs, SNOWFLAKE_TIMESTAMP_MAX);
  assertInRange('worker', parts.worker, SNOWFLAKE_WORKER_MAX);
  assertInRange('sequence', parts.sequence, SNOWFLAKE_SEQUENCE_MAX);
  const ids: bigint[] = [];
  appendSnowflakes(ids, parts, 1);
  return ids[0] as bigint;
}

/**
 * Appends `count` ids of one millisecond and worker, with growing sequence numbers from `parts.sequence` on. The hot loop: it checks
 * nothing, so only the generator, which has checked, may call it.
 */
export function appendSnowflakes(ids: bigint[], parts: SnowflakeParts, count: number): void {
  halves[HIGH] = Math.floor(parts.timestampMs / TIMESTAMP_LOW_SIZE);
  const low =
    ((parts.timestampMs % TIMESTAMP_LOW_SIZE) << TIMESTAMP_SHIFT) | (parts.worker << WORKER_SHIFT);
  const end = parts.sequence + count;
  for (let sequence = parts.sequence; sequence < end; sequence += 1) {
    halves[LOW] = low | sequence;
    ids.push(whole[0] as bigint);
  }
}

/** Takes an id apart. Throws {@link IdError} `outOfRange` when the value is negative or above {@link SNOWFLAKE_MAX}. */
export function decodeSnowflake(value: bigint): SnowflakeParts {
  if (value < 0n || value > SNOWFLAKE_MAX) {
    throw IdError.outOfRange('value', SNOWFLAKE_MAX, value);
  }
  whole[0] = value;
  const low = halves[LOW] as number;
  const high = halves[HIGH] as number;
  return {
    timestampMs: high * TIMESTAMP_LOW_SIZE + (low >>> TIMESTAMP_SHIFT),
    worker: (low >>> WORKER_SHIFT) & SNOWFLAKE_WORKER_MAX,
    sequence: low & SNOWFLAKE_SEQUENCE_MAX,
  };
}

/** An id's text: its decimal digits. */
export function formatSnowflake(value: bigint): string {
  return value.toString();
}

/** What a text stands for. */
export interface InspectedSnowflake extends SnowflakeParts {
  readonly value: bigint;
}

const DIGITS_MAX = SNOWFLAKE_MAX.toString().length;
const DECIMAL = /^(0|[1-9][0-9]*)$/;

/**
 * Reads an id's text, as {@link formatSnowflake} writes it: decimal digits without sign, blanks or leading zeros.
 * Throws {@link IdError} `badText`.
 */
export function inspectSnowflake(text: string): InspectedSnowflake {
  const limit = SNOWFLAKE_MAX.toString();
  if (text.length > DIGITS_MAX) {
    throw IdError.badText(
      'text',
      `has ${text.length} characters, at most ${DIGITS_MAX} are an id`,
      limit,
      text,
    );
  }
  if (!DECIMAL.test(text)) {
    throw IdError.badText('text', 'must be decimal digits without leading zeros', limit, text);
  }
  const value = BigInt(text);
  if (value > SNOWFLAKE_MAX) {
    throw IdError.badText('text', `is above the largest id, ${limit}`, limit, text);
  }
  return { value, ...decodeSnowflake(value) };
}

/** Throws {@link IdError} `outOfRange` unless the value is an integer from 0 to the limit. */
export function assertInRange(field: string, value: number, limit: number): void {
  if (!Number.isInteger(value) || value < 0 || value > limit) {
    throw IdError.outOfRange(field, limit, value);
  }
}
