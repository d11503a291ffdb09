import { durationMs, integer, text } from '@raftway/config';
import {
  defaultCircuitBreakerSettings,
  defaultOutlierEjectionSettings,
  defaultRetryBudgetSettings,
  defaultRetrySettings,
} from '@raftway/resilience';
import { type z } from 'zod';
import { type ProtectionPolicy } from './domain/documents';
import { type ProtectionSettings } from './domain/protection';
import { optionsOwner } from './domain/refusal';

const outliers = defaultOutlierEjectionSettings;
const method = /^[A-Za-z_][\w.]*\/(\*|[A-Za-z_]\w*)$/;

/** The options of what protects backends. */
export const protectionShape = {
  outlierFailures: integer({ min: 1, max: 1000 })
    .default(outliers.consecutiveFailures)
    .describe('Failures in a row from which on an instance is left out, if others fail less.'),
  outlierErrorPercent: integer({ min: 1, max: 100 })
    .default(outliers.errorShare * 100)
    .describe('Failures among its calls of 10 s from which on it is left out, too, in percent.'),
  outlierRequestsMin: integer({ min: 1, max: 1_000_000 })
    .default(outliers.requestsMin)
    .describe('Calls of 10 s that this percentage needs.'),
  outlierEjectionTimeMs: durationMs({ minMs: 10, maxMs: 300_000 })
    .default(outliers.ejectionMs)
    .describe('How long it is left out at first; doubles up to 5m.'),
  outlierEjectedPercentMax: integer({ min: 0, max: 100 })
    .default(outliers.ejectedShareMax * 100)
    .describe(
      'Instances of a service that may be left out at a time, in percent, never all; 0 for none.',
    ),
  breakerErrorPercent: integer({ min: 0, max: 100 })
    .default(0)
    .describe(
      'Failures among a service’s calls of 10 s from which on it gets none, in percent; 0 for never.',
    ),
  breakerOpenMs: durationMs({ minMs: 10, maxMs: 60_000 })
    .default(defaultCircuitBreakerSettings.openMs)
    .describe('How long it gets none at first; doubles up to 1m. Then three calls try it.'),
  backendRequestsMax: integer({ min: 0, max: 1_000_000 })
    .default(0)
    .describe('Calls under way to one service; 0 for any number.'),
  backendPendingMax: integer({ min: 0, max: 1_000_000 })
    .default(0)
    .describe('Calls that may wait for one of those to end.'),
  backendPendingTimeoutMs: durationMs({ minMs: 10, maxMs: 60_000 })
    .default(1000)
    .describe('How long they may wait.'),
  retryMethods: text({ lengthMax: 8192 })
    .refine((list) => list.split(',').every((one) => method.test(one.trim())), {
      message: 'must be package.Service/Method or package.Service/*, separated by commas',
    })
    .optional()
    .describe(
      'Methods that may run twice: package.Service/Method or package.Service/*, separated by commas.',
    ),
  retryAttemptsMax: integer({ min: 1, max: 10 })
    .default(defaultRetrySettings.attemptsMax)
    .describe('Attempts of a call that may run twice, the first included; 1 for no second one.'),
  retryPerTryTimeoutMs: durationMs({ maxMs: 600_000 })
    .default(0)
    .describe(
      'How long such an attempt may take to begin its answer; 0ms for as long as the call.',
    ),
  retryBudgetPercent: integer({ min: 0, max: 100 })
    .default(defaultRetryBudgetSettings.share * 100)
    .describe('Further attempts to one service that are allowed, in percent of its calls of 10 s.'),
  retryBudgetPerSecondMin: integer({ min: 0, max: 10_000 })
    .default(defaultRetryBudgetSettings.perSecondMin)
    .describe('Further attempts to one service that are allowed a second in any case.'),
  backendRetriesMax: integer({ min: 0, max: 1_000_000 })
    .default(0)
    .describe('Calls under way to one service that are made again; 0 for any number.'),
};

/** The options, validated. */
export type ProtectionOptions = z.output<z.ZodObject<typeof protectionShape>>;

/**
 * What protects a backend.
 * @param policy what a document says of it; the rest is as the options have it.
 */
export function protectionOf(
  options: ProtectionOptions,
  policy: ProtectionPolicy = noPolicy,
): ProtectionSettings {
  const { limits } = policy;
  return {
    breakerOwner: policy.breaker === undefined ? optionsOwner : policy.owner,
    limitsOwner: limits === undefined ? optionsOwner : policy.owner,
    outliers: outliersOf(options, policy),
    breaker: breakerOf(options, policy),
    retry: retryOf(options, policy),
    hedging: policy.hedging,
    healthCheck: policy.healthCheck && { ...policy.healthCheck, owner: policy.owner },
    connectionsMax: limits?.connectionsMax,
    requestsMax: limits?.requestsMax ?? noneWhenZero(options.backendRequestsMax),
    pendingMax: limits?.pendingMax ?? options.backendPendingMax,
    pendingTimeoutMs: limits?.pendingTimeoutMs ?? options.backendPendingTimeoutMs,
  };
}

const noPolicy: ProtectionPolicy = { owner: optionsOwner };

function outliersOf(
  options: ProtectionOptions,
  policy: ProtectionPolicy,
): ProtectionSettings['outliers'] {
  const settings = {
    ...outliers,
    consecutiveFailures: options.outlierFailures,
    errorShare: options.outlierErrorPercent / 100,
    requestsMin: options.outlierRequestsMin,
    ejectionMs: options.outlierEjectionTimeMs,
    ejectedShareMax: options.outlierEjectedPercentMax / 100,
    ...policy.outliers,
  };
  const { ejectedShareMax, ejectionMs, ejectionMaxMs } = settings;
  if (ejectedShareMax === 0) return undefined;
  return { ...settings, ejectionMaxMs: Math.max(ejectionMs, ejectionMaxMs) };
}

function breakerOf(
  { breakerErrorPercent, breakerOpenMs }: ProtectionOptions,
  { breaker }: ProtectionPolicy,
): ProtectionSettings['breaker'] {
  if (breakerErrorPercent === 0 && breaker === undefined) return undefined;
  const settings = {
    ...defaultCircuitBreakerSettings,
    ...(breakerErrorPercent > 0 && { errorShare: breakerErrorPercent / 100 }),
    openMs: breakerOpenMs,
    ...breaker,
  };
  return { ...settings, openMaxMs: Math.max(settings.openMs, settings.openMaxMs) };
}

function retryOf(
  options: ProtectionOptions,
  { retry, budget, limits }: ProtectionPolicy,
): ProtectionSettings['retry'] {
  const { retryAttemptsMax, retryMethods, retryBudgetPercent, retryBudgetPerSecondMin } = options;
  const methods = retryMethods?.split(',').map((one) => one.trim());
  return {
    ...defaultRetrySettings,
    attemptsMax: retryAttemptsMax,
    perTryTimeoutMs: noneWhenZero(options.retryPerTryTimeoutMs),
    methods: new Set(methods),
    ...retry,
    budget: {
      ...defaultRetryBudgetSettings,
      share: retryBudgetPercent / 100,
      perSecondMin: retryBudgetPerSecondMin,
      ...budget,
    },
    retriesMax: limits?.retriesMax ?? noneWhenZero(options.backendRetriesMax),
  };
}

function noneWhenZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}
