import { parseDuration } from '@raftway/config';
import { z } from 'zod';
import { strict } from '../strict';

/** API group of the Kubernetes Gateway API. */
export const gatewayApiGroup = 'gateway.networking.k8s.io';
/** API group of the documents that are ours. */
export const raftwayGroup = 'gateway.raftway.dev';

/** What a document is in when it does not say so, as in Kubernetes. */
export const defaultNamespace = 'default';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;

/** A name of RFC 1123: lower case, digits, `-`, and for subdomains `.`. */
export const objectName = () =>
  z
    .string()
    .max(253)
    .regex(new RegExp(`^${subdomain}$`), 'must be lower case letters, digits, "-" and "."');

/** The name of a registered service: what `Service` means in these documents. */
export const serviceName = () =>
  z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9._-]+$/, 'must be the name of a registered service');

export const namespaceName = () =>
  z
    .string()
    .max(63)
    .regex(new RegExp(`^${label}$`), 'must be lower case letters, digits and "-"');

/** The name of a listener or a rule. */
export const sectionName = () => objectName();

/** `api.example.com`, or `*.example.com` for everything below it. */
export const hostname = () =>
  z
    .string()
    .max(253)
    .regex(
      new RegExp(`^(\\*\\.)?${subdomain}$`),
      'must be a lower case host name, which may begin with "*."',
    );

/** `package.Service/Method`, or `package.Service/*` for all of a service. */
export const methodPattern = () =>
  z
    .string()
    .max(1024)
    .regex(
      /^[A-Za-z_][\w.]*\/(\*|[A-Za-z_]\w*)$/,
      'must be package.Service/Method or package.Service/*',
    );

/** `250ms`, `10s`, `5m` or `1h`, from 1 ms to a day. */
export const durationText = (meaning: string) =>
  z
    .string()
    .refine((text) => {
      const milliseconds = parseDuration(text);
      return milliseconds !== undefined && milliseconds >= 1 && milliseconds <= 86_400_000;
    }, 'must be a duration from 1ms to 24h, such as 250ms, 10s, 5m or 1h')
    .describe(meaning);

const anything = () => z.unknown().optional();

/** Of a Kubernetes object: what its server adds is taken and means nothing here. */
export const metadataSchema = strict({
  name: objectName(),
  namespace: namespaceName().optional(),
  creationTimestamp: z.iso
    .datetime()
    .nullable()
    .optional()
    .describe('Of two rules that are equally specific the older document wins.'),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  deletionGracePeriodSeconds: anything(),
  deletionTimestamp: anything(),
  finalizers: anything(),
  generateName: anything(),
  generation: anything(),
  managedFields: anything(),
  ownerReferences: anything(),
  resourceVersion: anything(),
  selfLink: anything(),
  uid: anything(),
});

/** A document's name and where it was made. */
export type Metadata = Pick<
  z.output<typeof metadataSchema>,
  'name' | 'namespace' | 'creationTimestamp'
>;

/** A document of one kind: its server-side `status` is taken and means nothing here. */
export function documentSchema<Kind extends string, Spec extends z.ZodType>(
  apiVersion: string,
  kind: Kind,
  spec: Spec,
) {
  return strict({
    apiVersion: z.literal(apiVersion),
    kind: z.literal(kind),
    metadata: metadataSchema,
    spec,
    status: anything(),
  });
}
