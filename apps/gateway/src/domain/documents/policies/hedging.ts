import { parseDuration } from '@raftway/config';
import { defaultHedgingSettings, type HedgingSettings } from '@raftway/resilience';
import { z } from 'zod';
import { strict } from '../strict';

const quantile = /^p(\d{2}(\.\d)?)$/;
const afterMaxMs = 600_000;

/** `hedging` of a policy. */
export const hedgingSchema = strict({
  after: z
    .string()
    .refine((text) => {
      const milliseconds = parseDuration(text) ?? 0;
      return quantile.test(text) || (milliseconds >= 1 && milliseconds <= afterMaxMs);
    }, 'must be a duration from 1ms to 10m, or a percentile such as p95 or p99.9')
    .default('p95')
    .describe(
      'How long an attempt may go without an answer before another one is sent: a duration, or the time within which so many percent of the method’s calls are answered.',
    ),
  max: z
    .int()
    .min(0)
    .max(4)
    .default(1)
    .describe('Attempts at a time beside the first; 0 for none.'),
}).describe(
  'Sends a call with one request to a second instance when the first takes long. Only calls that may run twice, and as far as the budget of retries goes.',
);

/** What a policy says. */
export function compileHedging({ after, max }: z.output<typeof hedgingSchema>): HedgingSettings {
  const [, percent] = quantile.exec(after) ?? [];
  return {
    ...defaultHedgingSettings,
    after:
      percent === undefined
        ? { delayMs: parseDuration(after) ?? afterMaxMs }
        : { quantile: Math.round(Number(percent) * 10) / 1000 },
    attemptsMax: max + 1,
  };
}

/** When another attempt is sent, as documents spell it. */
export function hedgeAfterText({ after }: HedgingSettings): string {
  return 'delayMs' in after
    ? `${after.delayMs}ms`
    : `p${Number((after.quantile * 100).toFixed(1))}`;
}
