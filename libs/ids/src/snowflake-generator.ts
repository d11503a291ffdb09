/**
 * Makes Snowflake ids for one worker number, without a clock of its own.
 *
 * Clocks step back, freeze and leap. What makes ids unique here is therefore not the clock but a *granted range*: the caller owns the
 * worker number for every millisecond from `firstMs` to `ceilingMs`, both included, and nobody else ever gets a millisecond of it. The
 * clock only chooses where in the range the next id goes:
 *
 *     firstMs          cursor      now                 ceilingMs
 *        ├────────────────┼──────────┼─────────────────────┤
 *         issued or given up  ▲ the clock pulls the cursor forward, never back;
 *                               a full millisecond pushes it forward, too ("borrowing" from the future)
 *
 * A clock before the cursor is ignored, so a step back costs nothing but accuracy. A clock after the ceiling yields no ids: that
 * time was not granted, and ids that claim an older time would hide that the grant is overdue.
 */
import {
  appendSnowflakes,
  assertInRange,
  SNOWFLAKE_SEQUENCE_MAX,
  SNOWFLAKE_TIMESTAMP_MAX,
  SNOWFLAKE_WORKER_MAX,
} from './snowflake';

/** What a generator may use. All times are milliseconds since the epoch. */
export interface SnowflakeGrant {
  /** 0 to 1023; owned by this generator alone within the range. */
  readonly worker: number;
  /** The first millisecond that may be used. */
  readonly firstMs: number;
  /** The last millisecond that may be used. */
  readonly ceilingMs: number;
}

/**
 * At low rates every id would be the first of its millisecond and end in twelve zero bits, so that `id % shards` would send all of
 * them to shard 0. Starting at the timestamp's low bits spreads them, at the cost of 1.5 % of a millisecond's capacity.
 */
const SPREAD_MASK = 63;

/** See the top of this file. Ids from one generator grow strictly, whatever the clock does. */
export class SnowflakeGenerator {
  readonly worker: number;
  private cursor: number;
  private sequence = 0;
  private ceiling: number;

  /** Throws `IdError` `outOfRange` when the grant does not fit the format. */
  constructor(grant: SnowflakeGrant) {
    assertInRange('worker', grant.worker, SNOWFLAKE_WORKER_MAX);
    assertInRange('firstMs', grant.firstMs, SNOWFLAKE_TIMESTAMP_MAX);
    assertInRange('ceilingMs', grant.ceilingMs, SNOWFLAKE_TIMESTAMP_MAX);
    this.worker = grant.worker;
    this.cursor = grant.firstMs;
    this.ceiling = grant.ceilingMs;
  }

  /** The last millisecond that may be used. */
  get ceilingMs(): number {
    return this.ceiling;
  }

  /** The millisecond of the next id, if the clock does not pull it forward. */
  get cursorMs(): number {
    return this.cursor;
  }

  /** Extends the grant. A ceiling below the present one is ignored: what was granted once is never taken back. */
  raiseCeiling(ceilingMs: number): void {
    assertInRange('ceilingMs', ceilingMs, SNOWFLAKE_TIMESTAMP_MAX);
    this.ceiling = Math.max(this.ceiling, ceilingMs);
  }

  /**
   * Up to `count` ids, strictly growing, above all earlier ones: fewer (or none) when the range is used up or the clock has passed it.
   *
   * @param nowMs the clock, in milliseconds since the epoch; may be anything, even negative.
   */
  next(count: number, nowMs: number): bigint[] {
    assertInRange('count', count, Number.MAX_SAFE_INTEGER);
    const ids: bigint[] = [];
    if (nowMs > this.ceiling) return ids;
    this.follow(nowMs);
    while (ids.length < count && this.cursor <= this.ceiling) {
      const left = SNOWFLAKE_SEQUENCE_MAX + 1 - this.sequence;
      const taken = Math.min(left, count - ids.length);
      const parts = { timestampMs: this.cursor, worker: this.worker, sequence: this.sequence };
      appendSnowflakes(ids, parts, taken);
      this.sequence += taken;
      if (taken === left) {
        this.cursor += 1;
        this.sequence = 0;
      }
    }
    return ids;
  }

  private follow(nowMs: number): void {
    const now = Math.floor(nowMs);
    // Negated, so that NaN moves nothing.
    if (!(now > this.cursor)) return;
    this.cursor = now;
    this.sequence = now & SPREAD_MASK;
  }
}
