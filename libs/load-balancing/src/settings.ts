import { type PeakEwmaOptions } from './peak-ewma';

/** The names of the picking policies, as options spell them. */
export const pickingPolicies = [
  'round_robin',
  'random',
  'weighted',
  'least_request',
  'peak_ewma',
  'ring_hash',
  'maglev',
  'rendezvous',
] as const;

/** One of {@link pickingPolicies}. */
export type PickingPolicy = (typeof pickingPolicies)[number];

/** How a backend's endpoints are picked. */
export interface LoadBalancingSettings {
  readonly policy: PickingPolicy;
  /** `least_request` with different weights: how much open calls count, 0 to 10. */
  readonly leastRequestBias: number;
  /** `peak_ewma`: how latencies are forgotten and failures counted. */
  readonly peakEwma: PeakEwmaOptions;
  /**
   * Hashing policies: an endpoint has at most so many times its fair share of open calls, rounded up, before its keys go to
   * the next one; from 1. Undefined for no bound.
   */
  readonly hashBound: number | undefined;
  /** The own zone, whose endpoints come first under policies that do not hash; '' for no preference. */
  readonly zone: string;
  /** How long a new endpoint gets fewer calls, under policies that do not hash, in milliseconds; 0 for never. */
  readonly slowStartMs: number;
  /** With fewer available endpoints than this percentage all are taken for available; 0 for never. */
  readonly panicThresholdPercent: number;
}

/** Round robin over all zones, and nothing else. */
export const defaultLoadBalancing: LoadBalancingSettings = {
  policy: 'round_robin',
  leastRequestBias: 1,
  peakEwma: { decayMs: 10_000, failurePenaltyMs: 5000 },
  hashBound: undefined,
  zone: '',
  slowStartMs: 0,
  panicThresholdPercent: 0,
};

/** Whether a policy looks at a call's key. */
export function isHashing(policy: PickingPolicy): boolean {
  return policy === 'ring_hash' || policy === 'maglev' || policy === 'rendezvous';
}
