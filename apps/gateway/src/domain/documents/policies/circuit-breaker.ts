import { type CircuitBreakerSettings } from '@raftway/resilience';
import { z } from 'zod';
import { strict } from '../strict';
import { durationBetween } from './duration-between';
import { compileThresholds, thresholdsShape } from './thresholds';
import { inMs } from './timeouts';

/** `circuitBreaker` of a policy. */
export const circuitBreakerSchema = strict({
  ...thresholdsShape,
  openTime: durationBetween(
    10,
    3_600_000,
    'How long calls are refused at first; doubles as long as probes fail. Default: 5s.',
  ).optional(),
  maxOpenTime: durationBetween(10, 86_400_000, 'At most so long. Default: 1m.').optional(),
  probes: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('Calls that try it then, and must succeed. Default: 3.'),
}).describe(
  'Refuses calls of a service that fails. Defaults: 50 % of 20 calls, or 10 failures in a row.',
);

/** What a policy says; the rest has defaults. */
export function compileCircuitBreaker(
  part: z.output<typeof circuitBreakerSchema>,
): Partial<CircuitBreakerSettings> {
  const { openTime, maxOpenTime, probes } = part;
  return {
    ...compileThresholds(part),
    ...(openTime && { openMs: inMs(openTime) }),
    ...(maxOpenTime && { openMaxMs: inMs(maxOpenTime) }),
    ...(probes && { probes }),
  };
}
