import { z } from 'zod';
import { strict } from '../strict';
import { limitsShape } from '../policies/traffic-limits';
import { faultSchema } from '../policies/fault';
import { loadBalancingSchema } from '../policies/load-balancing';
import { protectionParts } from '../policies/protection';
import { timeoutsSchema } from '../policies/timeouts';
import {
  documentSchema,
  gatewayApiGroup,
  objectName,
  raftwayGroup,
  sectionName,
  serviceName,
} from './common';

/** A registered service, as what a policy is attached to. */
export const serviceTarget = strict({
  group: z.literal('').default(''),
  kind: z.literal('Service'),
  name: serviceName().describe('Of a registered service.'),
});

const backendTarget = z.discriminatedUnion('kind', [
  serviceTarget,
  strict({
    group: z.literal(gatewayApiGroup).default(gatewayApiGroup),
    kind: z.enum(['GRPCRoute', 'HTTPRoute']),
    name: objectName(),
    sectionName: sectionName().optional().describe('The name of one of its rules.'),
  }),
]);

/**
 * What a registered service's calls are subject to, whichever way they were routed. For a route, or one of its rules, `retry` and `hedging`
 * hold for its calls; the rest is state of a service.
 */
export const backendPolicySchema = documentSchema(
  `${raftwayGroup}/v1`,
  'BackendPolicy',
  strict({
    targetRefs: z.array(backendTarget).min(1).max(16),
    timeouts: timeoutsSchema.optional(),
    loadBalancing: loadBalancingSchema.optional(),
    ...protectionParts,
  }),
);

/** A Gateway, a route or one of its rules, as what a policy is attached to. */
export const routeTarget = strict({
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
    ...limitsShape,
    fault: faultSchema.optional(),
  }),
);

/** A validated `BackendPolicy`. */
export type BackendPolicyDocument = z.output<typeof backendPolicySchema>;
/** A validated `TrafficPolicy`. */
export type TrafficPolicyDocument = z.output<typeof trafficPolicySchema>;
