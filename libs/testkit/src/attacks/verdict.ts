import { percentilesOf } from '../chaos/percentiles';

const MEBIBYTE = 1024 * 1024;

/** What is allowed. */
export const LIMITS = {
  /** Resident memory that an attack may add, in bytes. */
  growthBytesMax: 50 * MEBIBYTE,
  /** How much slower the slowest percent of good calls may be than before the attack. */
  slowdownMax: 2,
} as const;

/** What was measured of one attack, or of several at the same time. */
export interface Measured {
  readonly names: readonly string[];
  readonly beforeMs: readonly number[];
  readonly duringMs: readonly number[];
  /** One line a good call that failed. */
  readonly failures: readonly string[];
  readonly residentBeforeBytes: number;
  /** The most while the attack went on. */
  readonly residentPeakBytes: number;
  /** Connections of the attacker, and how they ended: `GOAWAY 11: …`, `closed`, `left`. */
  readonly endings: ReadonlyMap<string, number>;
  /** What the gateway did that it must not do; why it ended. */
  readonly breaches: readonly string[];
}

/** One row of the table, and what is wrong with it. */
export interface Judged {
  readonly row: readonly string[];
  readonly findings: readonly string[];
}

export const COLUMNS = [
  'attack',
  'good calls',
  'failed',
  'p99 before',
  'p99 during',
  'memory',
  'most attackers ended with',
] as const;

/** Judges one round. Pure. @param judgesLatency false: how long good calls took is only told */
export function judge(measured: Measured, judgesLatency: boolean): Judged {
  const { beforeMs, duringMs, failures, breaches, endings } = measured;
  const name = measured.names.join(' + ');
  const growthBytes = measured.residentPeakBytes - measured.residentBeforeBytes;
  const findings = breaches.map((breach) => `${name}: ${breach}`);
  const [first] = failures;
  if (first !== undefined)
    findings.push(`${name}: ${failures.length} good calls failed, the first with ${first}`);
  if (duringMs.length === 0) findings.push(`${name}: no good call was answered`);
  if (growthBytes > LIMITS.growthBytesMax)
    findings.push(`${name}: the gateway grew by ${mebibytes(growthBytes)}`);
  const [before, during] = [p99(beforeMs), p99(duringMs)];
  if (judgesLatency && during > LIMITS.slowdownMax * before)
    findings.push(`${name}: p99 of good calls went from ${ms(before)} to ${ms(during)}`);
  const cells = [String(duringMs.length), String(failures.length), ms(before), ms(during)];
  return { row: [name, ...cells, mebibytes(growthBytes), mostOf(endings)], findings };
}

/** A table in columns. */
export function tableOf(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_unused, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) =>
        at === 0 || at === row.length - 1
          ? cell.padEnd(widths[at] ?? 0)
          : cell.padStart(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function p99(durationsMs: readonly number[]): number {
  return durationsMs.length === 0 ? Number.NaN : percentilesOf(durationsMs).p99;
}

function ms(value: number): string {
  return Number.isNaN(value) ? '-' : `${value.toFixed(1)} ms`;
}

function mebibytes(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${(Math.abs(bytes) / MEBIBYTE).toFixed(0)} MiB`;
}

function mostOf(endings: ReadonlyMap<string, number>): string {
  const [most] = [...endings].sort(([, a], [, b]) => b - a);
  return most === undefined ? '-' : `${most[0]} ×${most[1]}`;
}
