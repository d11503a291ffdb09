import { z } from 'zod';
import { strict } from '../strict';
import { loadBalancingSchema } from '../policies/load-balancing';
import { timeoutsSchema } from '../policies/timeouts';
import {
  documentSchema,
  gatewayApiGroup,
  objectName,
  raftwayGroup,
  sectionName,
  serviceName,
} from './common';

/** What a registered service's calls are subject to, whichever way they were routed. */
export const backendPolicySchema = documentSchema(
  `${raftwayGroup}/v1`,
  'BackendPolicy',
  strict({
    targetRefs: z
      .array(
        strict({
          group: z.literal('').default(''),
          kind: z.literal('Service'),
          name: serviceName().describe('Of a registered service.'),
        }),
      )
      .min(1)
      .max(16),
    timeouts: timeoutsSchema.optional(),
    loadBalancing: loadBalancingSchema.optional(),
  }),
);

const routeTarget = strict({
  group: z.literal(gatewayApiGroup).default(gatewayApiGroup),
  kind: z.enum(['Gateway', 'GRPCRoute', 'HTTPRoute']),
  name: objectName(),
  sectionName: sectionName().optional().describe('The name of one rule of a route.'),
}).refine((target) => target.kind !== 'Gateway' || target.sectionName === undefined, {
  path: ['sectionName'],
  message: 'is for rules of a route; a policy of a Gateway is for all of its listeners',
});

/** What the calls of a Gateway, a route or one rule are subject to. */
export const trafficPolicySchema = documentSchema(
  `${raftwayGroup}/v1`,
  'TrafficPolicy',
  strict({
    targetRefs: z.array(routeTarget).min(1).max(16),
    timeouts: timeoutsSchema.optional(),
  }),
);

/** A validated `BackendPolicy`. */
export type BackendPolicyDocument = z.output<typeof backendPolicySchema>;
/** A validated `TrafficPolicy`. */
export type TrafficPolicyDocument = z.output<typeof trafficPolicySchema>;
