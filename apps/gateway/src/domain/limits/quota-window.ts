import { type QuotaWindow } from '@raftway/resilience';
import { type QuotaPeriod } from './limit-settings';

const fixedMs = { hour: 3_600_000, day: 86_400_000 };

/** The window of a period that a moment is in, by UTC's calendar. @param wallMs since 1970 */
export function quotaWindow(period: QuotaPeriod, wallMs: number): QuotaWindow {
  if (period === 'month') {
    const month = monthOf(wallMs);
    return { startMs: startOfMonth(month), endMs: startOfMonth(month + 1) };
  }
  const lengthMs = fixedMs[period];
  const startMs = Math.floor(wallMs / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}

/** Months since 1970. */
function monthOf(wallMs: number): number {
  // The time comes from the caller; only the calendar is asked for here.
  // eslint-disable-next-line no-restricted-syntax
  const date = new Date(wallMs);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}

function startOfMonth(month: number): number {
  return Date.UTC(1970, month);
}
