import { type FailureThresholds } from '@raftway/resilience';
import { z } from 'zod';
import { durationBetween } from './duration-between';
import { inMs } from './timeouts';

/** When failures are too many, as more than one part of a policy has it. */
export const thresholdsShape = {
  consecutiveFailures: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('Too many are so many failures in a row, …'),
  errorPercent: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('… or this share of failures among the calls of the window, in percent, …'),
  minRequests: z.int().min(1).max(1_000_000).optional().describe('… if they are at least so many.'),
  window: durationBetween(
    1000,
    3_600_000,
    'Over which time calls are counted. Default: 10s.',
  ).optional(),
};

/** What a policy says of it. */
export function compileThresholds({
  consecutiveFailures,
  errorPercent,
  minRequests,
  window,
}: {
  readonly [Name in keyof typeof thresholdsShape]?: z.output<(typeof thresholdsShape)[Name]>;
}): Partial<FailureThresholds> {
  return {
    ...(consecutiveFailures && { consecutiveFailures }),
    ...(errorPercent && { errorShare: errorPercent / 100 }),
    ...(minRequests && { requestsMin: minRequests }),
    ...(window && { windowMs: inMs(window) }),
  };
}
