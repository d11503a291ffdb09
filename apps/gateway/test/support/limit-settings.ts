import { type Quota, type RateLimit } from '../../src/domain/limits/limit-settings';

const keyed = {
  owner: 'TrafficPolicy default/api',
  key: [],
  scope: 'shared',
  cost: 1,
  costs: {},
  keysMax: 10,
} as const;

/** A rate limit that all gateways share. */
export function rate(name: string, requests: number, perMs: number, burst = requests): RateLimit {
  return { ...keyed, ...{ id: name, name, kind: 'rate', requests, perMs, burst } };
}

/** A quota that all gateways share. */
export function quota(name: string, requests: number, period: Quota['period']): Quota {
  return { ...keyed, ...{ id: name, name, kind: 'quota', requests, period } };
}
