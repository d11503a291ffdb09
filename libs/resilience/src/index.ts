export { ActiveHealth, type ActiveHealthSettings, type HealthChange } from './active-health';
export {
  CircuitBreaker,
  defaultCircuitBreakerSettings,
  type CallResult,
  type CircuitBreakerSettings,
  type CircuitPermit,
  type CircuitState,
} from './circuit-breaker';
export {
  defaultGradientSettings,
  FixedConcurrencyLimit,
  GradientConcurrencyLimit,
  type ConcurrencyLimit,
  type ConcurrencySample,
  type GradientSettings,
} from './concurrency-limit';
export {
  callPriorities,
  ConcurrencyLimiter,
  defaultConcurrencyLimiterSettings,
  type CallPriority,
  type ConcurrencyLimiterSettings,
  type ConcurrencyOutcome,
} from './concurrency-limiter';
export {
  defaultHedgingSettings,
  hedgeDelayMs,
  type HedgingSettings,
  type UnansweredCall,
} from './hedging';
export { type FailureThresholds } from './failure-window';
export { LatencyQuantiles } from './latency-quantiles';
export { Limit } from './limit';
export {
  defaultOutlierEjectionSettings,
  OutlierEjection,
  type EjectionCause,
  type OutlierEjectionSettings,
} from './outlier-ejection';
export { type RandomSource } from './random';
export { RateLimiter, type RateDecision, type RateLimitSettings } from './rate-limiter';
export { RequestQueue } from './request-queue';
export { defaultRetryBudgetSettings, RetryBudget, type RetryBudgetSettings } from './retry-budget';
export {
  decideRetry,
  defaultRetrySettings,
  type FailedAttempt,
  type NoRetryCause,
  type RetryDecision,
  type RetrySettings,
} from './retry-policy';
export { WindowQuota, type QuotaWindow, type WindowQuotaSettings } from './window-quota';
