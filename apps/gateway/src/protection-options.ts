import { durationMs, integer, text } from '@raftway/config';
import {
  defaultCircuitBreakerSettings,
  defaultOutlierEjectionSettings,
  defaultRetryBudgetSettings,
  defaultRetrySettings,
} from '@raftway/resilience';
import { type z } from 'zod';
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

/** What protects every backend that nothing else is said about. */
export function protectionOf(options: ProtectionOptions): ProtectionSettings {
  return {
    owner: optionsOwner,
    outliers: options.outlierEjectedPercentMax === 0 ? undefined : outliersOf(options),
    breaker: breakerOf(options),
    retry: retryOf(options),
    requestsMax: noneWhenZero(options.backendRequestsMax),
    pendingMax: options.backendPendingMax,
    pendingTimeoutMs: options.backendPendingTimeoutMs,
  };
}

function outliersOf(options: ProtectionOptions): ProtectionSettings['outliers'] {
  return {
    ...outliers,
    consecutiveFailures: options.outlierFailures,
    errorShare: options.outlierErrorPercent / 100,
    requestsMin: options.outlierRequestsMin,
    ejectionMs: options.outlierEjectionTimeMs,
    ejectedShareMax: options.outlierEjectedPercentMax / 100,
  };
}

function breakerOf(options: ProtectionOptions): ProtectionSettings['breaker'] {
  const { breakerErrorPercent, breakerOpenMs } = options;
  if (breakerErrorPercent === 0) return undefined;
  const errorShare = breakerErrorPercent / 100;
  return { ...defaultCircuitBreakerSettings, errorShare, openMs: breakerOpenMs };
}

function retryOf(options: ProtectionOptions): ProtectionSettings['retry'] {
  const { retryAttemptsMax, retryMethods, retryBudgetPercent, retryBudgetPerSecondMin } = options;
  if (retryAttemptsMax === 1) return undefined;
  const methods = retryMethods?.split(',').map((one) => one.trim());
  return {
    ...defaultRetrySettings,
    attemptsMax: retryAttemptsMax,
    perTryTimeoutMs: noneWhenZero(options.retryPerTryTimeoutMs),
    budget: {
      ...defaultRetryBudgetSettings,
      share: retryBudgetPercent / 100,
      perSecondMin: retryBudgetPerSecondMin,
    },
    retriesMax: noneWhenZero(options.backendRetriesMax),
    methods: new Set(methods),
  };
}

function noneWhenZero(value: number): number | undefined {
  return value === 0 ? undefined : value;
}
