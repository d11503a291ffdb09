import { z } from 'zod';
import { accessRulesSchema, principalTypes } from '../policies/access-rules';
import { apiKeysSchema } from '../policies/api-keys';
import { clientCertificatesSchema } from '../policies/client-certificates';
import { externalAuthorizationSchema } from '../policies/external-authorization';
import { jwtSchema } from '../policies/jwt';
import { strict } from '../strict';
import { documentSchema, raftwayGroup } from './common';
import { routeTarget } from './policies';

const parts = {
  jwt: jwtSchema.optional(),
  apiKeys: apiKeysSchema.optional(),
  mtls: clientCertificatesSchema.optional(),
  externalAuthorization: externalAuthorizationSchema.optional(),
  rules: accessRulesSchema.optional(),
};
const partNames = Object.keys(parts) as (keyof typeof parts)[];

/** The part in which callers show themselves in such a way. */
const partOf = { jwt: 'jwt', apiKey: 'apiKeys', certificate: 'mtls' } as const;

/** Who may call, and how callers show who they are. */
export const securityPolicySchema = documentSchema(
  `${raftwayGroup}/v1`,
  'SecurityPolicy',
  strict({
    targetRefs: z.array(routeTarget).min(1).max(16),
    ...parts,
    anonymous: z
      .boolean()
      .default(false)
      .describe('Whether callers may show nothing; what they show has to be good in any case.'),
  })
    .refine((spec) => partNames.some((name) => spec[name] !== undefined), {
      message: `says nothing: it needs one of ${partNames.join(', ')}`,
    })
    .superRefine((spec, context) => {
      for (const type of principalTypes(spec.rules ?? []))
        if (spec[partOf[type]] === undefined)
          context.addIssue({
            code: 'custom',
            path: ['rules'],
            message: `a principal of type ${type} needs ${partOf[type]}`,
          });
    }),
);

/** A validated `SecurityPolicy`. */
export type SecurityPolicyDocument = z.output<typeof securityPolicySchema>;
