import { z } from 'zod';

// The subset of kustomize that k8s/ is written in. A field that is not here is refused rather than ignored: what the renderer does not know
// must not reach a cluster untested.

const name = z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a plain name');

const generator = z.strictObject({
  name,
  behavior: z.enum(['create', 'merge']).default('create'),
  envs: z.array(z.string()).default([]),
  literals: z.array(z.string()).default([]),
});

/** Only JSON 6902 patches, on one object each. */
const patch = z
  .strictObject({
    target: z.strictObject({ kind: z.string().regex(/^[A-Z]\w*$/), name }),
    path: z.string().optional(),
    patch: z.string().optional(),
  })
  .refine((one) => (one.path === undefined) !== (one.patch === undefined), {
    message: 'needs either path or patch',
  });

const label = z.strictObject({
  pairs: z.record(z.string(), z.string()),
  // Selectors cannot be changed once they are in a cluster.
  includeSelectors: z.literal(false),
  includeTemplates: z.boolean().default(false),
});

const fields = {
  namespace: name.optional(),
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).default([]),
  configMapGenerator: z.array(generator).default([]),
  patches: z.array(patch).default([]),
  labels: z.array(label).default([]),
  replicas: z.array(z.strictObject({ name, count: z.int().min(0) })).default([]),
  images: z
    .array(
      z.strictObject({
        name: z.string(),
        newName: z.string().optional(),
        newTag: z.string().optional(),
      }),
    )
    .default([]),
};

const schema = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion: z.literal('kustomize.config.k8s.io/v1beta1'),
    kind: z.literal('Kustomization'),
    ...fields,
  }),
  z.strictObject({
    apiVersion: z.literal('kustomize.config.k8s.io/v1alpha1'),
    kind: z.literal('Component'),
    ...fields,
  }),
]);

/** A kustomization.yaml of the subset, with defaults filled in. */
export type Kustomization = z.output<typeof schema>;

/** @throws Error that names the file and all that is wrong with it. */
export function readKustomization(value: unknown, file: string): Kustomization {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`${file} is outside of the subset:\n${z.prettifyError(parsed.error)}`);
}
