import { parseDuration } from '@raftway/config';
import { callPriorities, defaultGradientSettings } from '@raftway/resilience';
import { z } from 'zod';
import { type ConcurrencySettings } from '../../limits/limit-settings';
import { durationText, methodPattern } from '../kinds/common';
import { headerName } from '../kinds/grpc-route';
import { strict } from '../strict';

const callsMax = 1_000_000;
const calls = () => z.int().min(1).max(callsMax);

const adaptive = strict({
  initial: calls().optional().describe('Default: 20, within the bounds.'),
  min: calls().default(defaultGradientSettings.min),
  max: calls().default(defaultGradientSettings.max),
})
  .refine(({ min, max }) => min <= max, { path: ['min'], message: 'must be at most max' })
  .refine(({ initial, min, max }) => initial === undefined || (min <= initial && initial <= max), {
    path: ['initial'],
    message: 'must be from min to max',
  });

const priorities = strict({
  header: headerName()
    .optional()
    .describe(
      'Header that says critical, normal or sheddable: for callers that are trusted with it.',
    ),
  methods: z
    .array(strict({ method: methodPattern(), priority: z.enum(callPriorities) }))
    .max(64)
    .default([])
    .describe('Priorities of methods, which count before the header.'),
  default: z.enum(callPriorities).default('normal').describe('Of all other calls.'),
}).describe(
  'Which calls go first: normal ones fill nine tenths of the limit, sheddable ones seven tenths. Without it all calls are equal.',
);

/** `concurrency` of a policy. */
export const concurrencySchema = strict({
  max: calls().optional().describe('So many calls under way, always.'),
  adaptive: adaptive
    .optional()
    .describe(
      'As many as the backend is found to work on, by how long it takes to begin its answers.',
    ),
  queue: strict({
    max: z.int().min(0).max(callsMax).default(0).describe('Calls of each priority that may wait.'),
    timeout: durationText('How long they may wait.').default('1s'),
  }).optional(),
  priorities: priorities.optional(),
})
  .refine(({ max, adaptive: found }) => (max === undefined) !== (found === undefined), {
    message: 'needs one of max and adaptive',
  })
  .describe(
    'How many calls may be under way. Of several policies for one call the most specific counts.',
  );

/** What a policy says. @param owner `kind namespace/name` of the document */
export function compileConcurrency(
  spec: z.output<typeof concurrencySchema>,
  owner: string,
): ConcurrencySettings {
  const { max, queue, priorities: given } = spec;
  return {
    owner,
    limit: spec.adaptive === undefined ? { type: 'fixed', max: max ?? 1 } : boundsOf(spec.adaptive),
    queueMax: queue?.max ?? 0,
    queueTimeoutMs: parseDuration(queue?.timeout ?? '1s') ?? 0,
    priorities: given && {
      header: given.header?.toLowerCase(),
      methods: Object.fromEntries(given.methods.map(({ method, priority }) => [method, priority])),
      otherwise: given.default,
    },
  };
}

function boundsOf({ initial, min, max }: z.output<typeof adaptive>): ConcurrencySettings['limit'] {
  const within = Math.max(min, Math.min(max, defaultGradientSettings.initial));
  return { type: 'adaptive', initial: initial ?? within, min, max };
}
