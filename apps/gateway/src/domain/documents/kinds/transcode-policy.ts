import { z } from 'zod';
import {
  corsSchema,
  jsonSchema,
  messageBytesMaxSchema,
  protocolsSchema,
} from '../policies/transcoding';
import { strict } from '../strict';
import { documentSchema, objectName, raftwayGroup } from './common';
import { routeTarget, serviceTarget } from './policies';

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
