import {
  type CircuitBreakerSettings,
  type HedgingSettings,
  type OutlierEjectionSettings,
  type RetryBudgetSettings,
} from '@raftway/resilience';
import { type z } from 'zod';
import {
  type CallRetrySettings,
  type HealthCheckSettings,
  type RoutePolicy,
} from '../../protection';
import { circuitBreakerSchema, compileCircuitBreaker } from './circuit-breaker';
import { compileHealthCheck, healthCheckSchema } from './health-check';
import { compileHedging, hedgingSchema } from './hedging';
import { type BackendLimits, compileLimits, limitsSchema } from './limits';
import { compileOutlierDetection, outlierDetectionSchema } from './outlier-detection';
import { compileRetry, compileRetryBudget, retrySchema } from './retry';

/** The parts of a policy that protect a backend and its callers. */
export const protectionParts = {
  retry: retrySchema.optional(),
  hedging: hedgingSchema.optional(),
  outlierDetection: outlierDetectionSchema.optional(),
  circuitBreaker: circuitBreakerSchema.optional(),
  limits: limitsSchema.optional(),
  healthCheck: healthCheckSchema.optional(),
};

type ProtectionSpec = {
  readonly [Part in keyof typeof protectionParts]?: z.output<(typeof protectionParts)[Part]>;
};

/** What a document says of the protection of a backend; what it leaves out is as the options have it. */
export interface ProtectionPolicy {
  /** The document, as refusals name it. */
  readonly owner: string;
  readonly retry?: Partial<CallRetrySettings> | undefined;
  readonly budget?: Partial<RetryBudgetSettings> | undefined;
  readonly hedging?: HedgingSettings | undefined;
  readonly outliers?: Partial<OutlierEjectionSettings> | undefined;
  readonly breaker?: Partial<CircuitBreakerSettings> | undefined;
  readonly limits?: BackendLimits | undefined;
  readonly healthCheck?: Omit<HealthCheckSettings, 'owner'> | undefined;
}

/** What a policy says of a registered service. */
export function compileProtection(spec: ProtectionSpec, owner: string): ProtectionPolicy {
  const { retry, hedging, outlierDetection, circuitBreaker, limits, healthCheck } = spec;
  return {
    owner,
    retry: retry && compileRetry(retry),
    budget: retry && compileRetryBudget(retry),
    hedging: hedging && compileHedging(hedging),
    outliers: outlierDetection && compileOutlierDetection(outlierDetection),
    breaker: circuitBreaker && compileCircuitBreaker(circuitBreaker),
    limits: limits && compileLimits(limits),
    healthCheck: healthCheck && compileHealthCheck(healthCheck),
  };
}

/** What a policy says of the calls of a route or a rule; undefined for nothing. */
export function compileRoutePolicy({ retry, hedging }: ProtectionSpec): RoutePolicy | undefined {
  if (retry === undefined && hedging === undefined) return undefined;
  return { retry: retry && compileRetry(retry), hedging: hedging && compileHedging(hedging) };
}

/** Of the policies of a rule and its route the more specific one, field by field in `retry`; `hedging` counts as a whole. */
export function combineRoutePolicies(
  specific: RoutePolicy | undefined,
  general: RoutePolicy | undefined,
): RoutePolicy | undefined {
  if (specific === undefined || general === undefined) return specific ?? general;
  return {
    retry: { ...general.retry, ...specific.retry },
    hedging: specific.hedging ?? general.hedging,
  };
}
