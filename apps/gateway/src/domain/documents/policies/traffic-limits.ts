import { parseDuration } from '@raftway/config';
import { z } from 'zod';
import {
  type CountedLimit,
  keyPartTypes,
  limitScopes,
  type PolicyLimits,
  type Quota,
  quotaPeriods,
  type RateLimit,
  type RuleLimits,
} from '../../limits/limit-settings';
import { durationText, methodPattern, sectionName } from '../kinds/common';
import { headerName } from '../kinds/grpc-route';
import { type AnyDocument } from '../kinds';
import { strict, type UnusedField } from '../strict';
import { compileConcurrency, concurrencySchema } from './concurrency';

const countMax = 1_000_000_000;

const keyPart = strict({
  type: z.enum(keyPartTypes),
  name: z.string().min(1).max(256).optional().describe('Of the header, or of the claim.'),
})
  .refine(({ type, name }) => isNamed(type) === (name !== undefined), {
    path: ['name'],
    message: 'is for Header and Claim, which need it',
  })
  .refine(({ type, name }) => type !== 'Header' || headerName().safeParse(name).success, {
    path: ['name'],
    message: 'must be the name of an HTTP header',
  });

const cost = () => z.int().min(0).max(1_000_000);

const keyed = {
  name: sectionName().describe('Refusals and metrics name the limit by it.'),
  requests: z.int().min(1).max(countMax).describe('What calls may cost together.'),
  key: z
    .array(keyPart)
    .max(8)
    .default([])
    .describe(
      'What is counted apart; without it all calls together. A call that has none of a part has it empty.',
    ),
  scope: z
    .enum(limitScopes)
    .default('local')
    .describe(
      'local: each gateway counts by itself. shared: those with the same RAFTWAY_RATE_LIMIT_REDIS_URL together.',
    ),
  cost: cost().default(1).describe('What a call costs; 0: it does not count.'),
  costs: z
    .array(strict({ method: methodPattern(), cost: cost() }))
    .max(64)
    .default([])
    .describe('What calls of some methods cost instead.'),
  keysMax: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('Keys that one gateway counts apart; all further ones share one count.'),
};

interface Costing {
  readonly cost: number;
  readonly costs: readonly { readonly cost: number }[];
}

const costsAtMost = (limit: Costing, max: number): boolean =>
  Math.max(limit.cost, ...limit.costs.map((one) => one.cost)) <= max;

const rateLimit = strict({
  ...keyed,
  per: durationText('The time that `requests` are for.'),
  burst: z
    .int()
    .min(1)
    .max(countMax)
    .optional()
    .describe('What calls may cost at once after a pause. Default: `requests`.'),
}).refine((limit) => costsAtMost(limit, limit.burst ?? limit.requests), {
  path: ['burst'],
  message: 'must be at least what the dearest call costs',
});

const quota = strict({
  ...keyed,
  per: z.enum(quotaPeriods).describe('Window of time, by UTC’s calendar.'),
}).refine((limit) => costsAtMost(limit, limit.requests), {
  path: ['requests'],
  message: 'must be at least what the dearest call costs',
});

const uniqueNames = (limits: readonly { readonly name: string }[]): boolean =>
  new Set(limits.map(({ name }) => name)).size === limits.length;

/** The parts of a policy that limit calls. */
export const limitsShape = {
  rateLimits: z
    .array(rateLimit)
    .max(16)
    .refine(uniqueNames, 'two rate limits have one name')
    .optional()
    .describe('How many calls may come in a time, at an even rate with bursts (GCRA).'),
  quotas: z
    .array(quota)
    .max(16)
    .refine(uniqueNames, 'two quotas have one name')
    .optional()
    .describe('How many calls may come in an hour, a day or a month.'),
  concurrency: concurrencySchema.optional(),
};

type LimitsSpec = z.output<z.ZodObject<typeof limitsShape>>;
type KeyedSpec = z.output<typeof rateLimit> | z.output<typeof quota>;

/** What a policy says; undefined when it says nothing of limits. @param owner `kind namespace/name` of the document */
export function compileTrafficLimits(spec: LimitsSpec, owner: string): PolicyLimits | undefined {
  const { rateLimits = [], quotas = [], concurrency } = spec;
  if (rateLimits.length === 0 && quotas.length === 0 && concurrency === undefined) return undefined;
  const rates = rateLimits.map((limit): RateLimit => {
    const { requests, burst = requests } = limit;
    const perMs = parseDuration(limit.per) ?? 0;
    return { ...keyedOf(limit, 'rate', owner), kind: 'rate', requests, perMs, burst };
  });
  const counts = quotas.map((limit): Quota => {
    const { requests, per: period } = limit;
    return { ...keyedOf(limit, 'quota', owner), kind: 'quota', requests, period };
  });
  return {
    counted: [...rates, ...counts],
    concurrency: concurrency && compileConcurrency(concurrency, owner),
  };
}

function keyedOf(limit: KeyedSpec, kind: CountedLimit['kind'], owner: string) {
  const { name, scope, keysMax } = limit;
  return {
    id: `${owner} ${kind} ${name}`,
    ...{ owner, name, scope, keysMax, cost: limit.cost },
    key: limit.key.map(({ type, name: partName = '' }) => ({
      type,
      name: type === 'Header' ? partName.toLowerCase() : partName,
    })),
    costs: Object.fromEntries(limit.costs.map((one) => [one.method, one.cost])),
  };
}

/**
 * What policies say of one rule's calls: all of what they count, and the first concurrency limit.
 * @param targets that policies may be attached to, the most specific first
 */
export function combineLimits(
  targets: readonly string[],
  ofTarget: (target: string) => PolicyLimits | undefined,
): RuleLimits | undefined {
  const policies = targets.flatMap((target) => {
    const limits = ofTarget(target);
    return limits === undefined ? [] : { target, limits };
  });
  if (policies.length === 0) return undefined;
  // One policy may be attached to a route and to its Gateway: a call counts once.
  const counted = new Map<string, CountedLimit>();
  for (const { limits } of policies)
    for (const limit of limits.counted) counted.set(limit.id, limit);
  const first = policies.find(({ limits }) => limits.concurrency !== undefined);
  const settings = first?.limits.concurrency;
  return {
    counted: [...counted.values()],
    concurrency: first && settings && { target: first.target, settings },
  };
}

/** Scopes that a gateway does not act on which has nothing to share counts in. */
export function unsharedLimits({ kind, spec }: AnyDocument): UnusedField[] {
  if (kind !== 'TrafficPolicy') return [];
  const why = 'RAFTWAY_RATE_LIMIT_REDIS_URL is not set, so that each gateway counts by itself';
  return (['rateLimits', 'quotas'] as const).flatMap((part) =>
    (spec[part] ?? []).flatMap(({ scope }, index) =>
      scope === 'shared' ? { path: `spec.${part}[${index}].scope`, why } : [],
    ),
  );
}

function isNamed(type: (typeof keyPartTypes)[number]): boolean {
  return type === 'Header' || type === 'Claim';
}
