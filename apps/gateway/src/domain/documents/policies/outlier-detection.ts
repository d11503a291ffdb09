import { type OutlierEjectionSettings } from '@raftway/resilience';
import { z } from 'zod';
import { strict } from '../strict';
import { durationBetween } from './duration-between';
import { compileThresholds, thresholdsShape } from './thresholds';
import { inMs } from './timeouts';

/** `outlierDetection` of a policy. */
export const outlierDetectionSchema = strict({
  ...thresholdsShape,
  ejectionTime: durationBetween(
    10,
    3_600_000,
    'How long an instance is left out at first; doubles.',
  ).optional(),
  maxEjectionTime: durationBetween(
    10,
    86_400_000,
    'How long it is left out at most. Default: 5m.',
  ).optional(),
  maxEjectedPercent: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe(
      'Instances that may be left out at a time, in percent, never all; 0 leaves none out.',
    ),
}).describe(
  'When an instance that fails more than the others is left out; what is left out here is as the gateway’s options have it.',
);

/** What a policy says; the rest is as the options have it. */
export function compileOutlierDetection(
  part: z.output<typeof outlierDetectionSchema>,
): Partial<OutlierEjectionSettings> {
  const { ejectionTime, maxEjectionTime, maxEjectedPercent } = part;
  return {
    ...compileThresholds(part),
    ...(ejectionTime && { ejectionMs: inMs(ejectionTime) }),
    ...(maxEjectionTime && { ejectionMaxMs: inMs(maxEjectionTime) }),
    ...(maxEjectedPercent !== undefined && { ejectedShareMax: maxEjectedPercent / 100 }),
  };
}
