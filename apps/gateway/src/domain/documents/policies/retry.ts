import { Code, codeName } from '@raftway/errors';
import { type RetryBudgetSettings } from '@raftway/resilience';
import { z } from 'zod';
import { type CallRetrySettings } from '../../protection';
import { strict } from '../strict';
import { durationBetween } from './duration-between';
import { inMs } from './timeouts';

const codes = new Map(Object.values(Code).map((code) => [codeName(code), code]));

/** `retry` of a policy. */
export const retrySchema = strict({
  attempts: z
    .int()
    .min(1)
    .max(10)
    .optional()
    .describe('Attempts of a call that may run twice, the first included; 1 for no second one.'),
  perTryTimeout: durationBetween(
    1,
    600_000,
    'How long such an attempt may take to begin its answer.',
  ).optional(),
  codes: z
    .array(z.enum([...codes.keys()]))
    .min(1)
    .max(codes.size)
    .optional()
    .describe('Codes that are worth another attempt. Default: UNAVAILABLE.'),
  methods: z
    .array(
      z
        .string()
        .max(512)
        .regex(
          /^(\*|[A-Za-z_][\w.]*\/(\*|[A-Za-z_]\w*))$/,
          'must be package.Service/Method, package.Service/*, or * for all',
        ),
    )
    .max(256)
    .optional()
    .describe('Methods that may run twice, whoever calls them; hedging goes by them, too.'),
  backoff: durationBetween(
    1,
    60_000,
    'The longest pause before the second attempt; doubles with each further one. Pauses are random.',
  ).optional(),
  maxBackoff: durationBetween(1, 600_000, 'The longest pause of all.').optional(),
  budget: strict({
    percent: z
      .int()
      .min(0)
      .max(100)
      .optional()
      .describe('Further attempts that are allowed, in percent of the calls of 10 s.'),
    minPerSecond: z
      .int()
      .min(0)
      .max(10_000)
      .optional()
      .describe('Further attempts that are allowed a second in any case.'),
  })
    .optional()
    .describe('Of a Service: its routes share it.'),
}).describe('When calls are made again; what is left out is as the gateway’s options have it.');

type RetryPart = z.output<typeof retrySchema>;

/** What a policy says of calls. */
export function compileRetry(retry: RetryPart): Partial<CallRetrySettings> {
  const { attempts, perTryTimeout, methods, backoff, maxBackoff } = retry;
  const worthIt = retry.codes?.flatMap((name) => codes.get(name) ?? []);
  return {
    ...(attempts && { attemptsMax: attempts }),
    ...(perTryTimeout && { perTryTimeoutMs: inMs(perTryTimeout) }),
    ...(worthIt && { codes: new Set<number>(worthIt) }),
    ...(methods && { methods: new Set(methods) }),
    ...(backoff && { backoffMs: inMs(backoff) }),
    ...(maxBackoff && { backoffMaxMs: inMs(maxBackoff) }),
  };
}

/** What a policy says of the budget of all of them. */
export function compileRetryBudget({ budget }: RetryPart): Partial<RetryBudgetSettings> {
  return {
    ...(budget?.percent !== undefined && { share: budget.percent / 100 }),
    ...(budget?.minPerSecond !== undefined && { perSecondMin: budget.minPerSecond }),
  };
}
