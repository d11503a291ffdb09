import type { Measurement } from '../measure/contender';

const MEBIBYTE = 1024 * 1024;

/** A table's rows as text. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Measurements as a table; the ratio is of operations a second. */
export function tableOf(measurements: readonly Measurement[], baseline: string): Table {
  const rows = measurements.map((measurement) => {
    const { contender, inFlight, perSecond, p50Ms, p99Ms } = measurement;
    const base = measurements.find(
      (other) => other.contender === baseline && other.inFlight === inFlight,
    );
    return [
      String(inFlight),
      contender,
      significant(perSecond),
      base === undefined ? '' : `${(perSecond / base.perSecond).toFixed(2)} ×`,
      `${significant(p50Ms)} ms`,
      `${significant(p99Ms)} ms`,
      measurement.syncsPerOperation === undefined
        ? '–'
        : significant(measurement.syncsPerOperation),
      `${significant(measurement.cpuMicrosecondsPerOperation)} µs`,
      `${Math.round(measurement.residentBytes / MEBIBYTE)} MiB`,
    ];
  });
  return {
    head: [
      'in flight',
      'server',
      'per second',
      `to ${baseline}`,
      'p50',
      'p99',
      'syncs/op',
      'CPU/op',
      'memory',
    ],
    rows,
  };
}

/** A table for a terminal. */
export function asText({ head, rows }: Table): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ');
  return all.map(line).join('\n');
}

/** A table in Markdown; prettier aligns it. */
export function asMarkdown({ head, rows }: Table): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [line(head), line(head.map(() => '--:')), ...rows.map(line)].join('\n');
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value >= 1000) return String(Math.round(Number(value.toPrecision(3))));
  return String(Number(value.toPrecision(3)));
}
