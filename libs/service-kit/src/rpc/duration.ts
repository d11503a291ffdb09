import type { duration } from '@raftway/contracts';

const NANOS_MAX = 999_999_999;

/** Milliseconds as protobuf's Duration, or since 1970 as its Timestamp, which has the same fields. Below 0 and infinite become 0. */
export function toDuration(milliseconds: number): duration.Duration {
  const length = Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : 0;
  const seconds = Math.floor(length / 1000);
  const nanos = Math.min(Math.round((length - seconds * 1000) * 1_000_000), NANOS_MAX);
  return { seconds: BigInt(seconds), nanos };
}

/** protobuf's Duration in milliseconds, with fractions; undefined when it is none: nanos out of range, or of another sign. */
export function toMilliseconds({ seconds, nanos }: duration.Duration): number | undefined {
  if (Math.abs(nanos) > NANOS_MAX || (nanos < 0 && seconds > 0n) || (nanos > 0 && seconds < 0n)) {
    return undefined;
  }
  return Number(seconds) * 1000 + nanos / 1_000_000;
}
