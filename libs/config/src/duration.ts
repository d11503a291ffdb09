const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** A text such as `250ms`, `10s`, `1.5m` or `1h` in milliseconds; undefined when it is none. Fractions are rounded to a millisecond. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim());
  if (match === null) return undefined;
  const milliseconds = Math.round(Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS]);
  return Number.isSafeInteger(milliseconds) ? milliseconds : undefined;
}

/** Milliseconds in the largest unit that writes them as a whole number: 90000 is `90s`, 3600000 is `1h`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  for (const unit of ['h', 'm', 's'] as const) {
    const count = milliseconds / UNITS_MS[unit];
    if (Number.isInteger(count)) return `${count}${unit}`;
  }
  return `${milliseconds}ms`;
}
