import { z } from 'zod';
import {
  corsSchema,
  jsonSchema,
  messageBytesMaxSchema,
  protocolsSchema,
} from '../policies/transcoding';
import { strict } from '../strict';
import {
  documentSchema,
  gatewayApiGroup,
  objectName,
  raftwayGroup,
  sectionName,
  serviceName,
} from './common';

const serviceTarget = strict({
  group: z.literal('').default(''),
  kind: z.literal('Service'),
  name: serviceName().describe('Of a registered service.'),
});

const routeTarget = strict({
  group: z.literal(gatewayApiGroup).default(gatewayApiGroup),
  kind: z.enum(['Gateway', 'GRPCRoute', 'HTTPRoute']),
  name: objectName(),
  sectionName: sectionName().optional().describe('The name of one rule of a route.'),
}).refine((target) => target.kind !== 'Gateway' || target.sectionName === undefined, {
  path: ['sectionName'],
  message: 'is for rules of a route; a policy of a Gateway is for all of its listeners',
});

const compositeTarget = strict({
  group: z.literal(raftwayGroup).default(raftwayGroup),
  kind: z.literal('CompositeRoute'),
  name: objectName(),
});

/** How calls are taken that are no plain gRPC: of a Gateway, a route, one rule, or a registered service. */
export const transcodePolicySchema = documentSchema(
  `${raftwayGroup}/v1`,
  'TranscodePolicy',
  strict({
    targetRefs: z
      .array(z.discriminatedUnion('kind', [serviceTarget, routeTarget, compositeTarget]))
      .min(1)
      .max(16),
    protocols: protocolsSchema.optional(),
    json: jsonSchema.optional(),
    cors: corsSchema.optional(),
    messageBytesMax: messageBytesMaxSchema.optional(),
  }),
);

/** A validated `TranscodePolicy`. */
export type TranscodePolicyDocument = z.output<typeof transcodePolicySchema>;
