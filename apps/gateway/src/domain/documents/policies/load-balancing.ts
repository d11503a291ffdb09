import { parseDuration } from '@raftway/config';
import { pickingPolicies } from '@raftway/load-balancing';
import { z } from 'zod';
import { type BackendLoadBalancing } from '../../backend';
import { durationText } from '../kinds/common';
import { strict } from '../strict';
import { metadataName } from './header-names';

/** `loadBalancing` of a policy. */
export const loadBalancingSchema = strict({
  policy: z.enum(pickingPolicies).optional(),
  hashHeader: metadataName()
    .optional()
    .describe(
      'Header that ring_hash, maglev and rendezvous go by, in place of the client’s address.',
    ),
  hashBoundPercent: z
    .int()
    .min(100)
    .max(1000)
    .optional()
    .describe('Most open calls of an instance under those, in percent of its fair share.'),
  slowStart: durationText(
    'How long a new instance gets fewer calls, under all other policies.',
  ).optional(),
  panicThresholdPercent: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe('With fewer instances than this not set aside, in percent, all get calls.'),
}).describe('How an instance is picked; what is left out is as the gateway’s options have it.');

/** What a policy says; the rest is as the options have it. */
export function compileLoadBalancing(
  settings: z.output<typeof loadBalancingSchema>,
): Partial<BackendLoadBalancing> {
  const { policy, hashHeader, hashBoundPercent, slowStart, panicThresholdPercent } = settings;
  return {
    ...(policy && { policy }),
    ...(hashHeader && { hashHeader }),
    ...(hashBoundPercent && { hashBound: hashBoundPercent / 100 }),
    ...(slowStart && { slowStartMs: parseDuration(slowStart) ?? 0 }),
    ...(panicThresholdPercent !== undefined && { panicThresholdPercent }),
  };
}
