import { z } from 'zod';
import { strict } from '../strict';
import { durationBetween } from './duration-between';
import { inMs } from './timeouts';

const count = (min: number, max: number, meaning: string) =>
  z.int().min(min).max(max).optional().describe(meaning);

/** `limits` of a policy. */
export const limitsSchema = strict({
  connections: count(1, 64, 'Connections to one instance; calls beyond their streams wait.'),
  requests: count(1, 1_000_000, 'Calls under way; streams count as long as they are open.'),
  pending: count(0, 1_000_000, 'Calls that may wait for one of those to end.'),
  pendingTimeout: durationBetween(10, 600_000, 'How long they may wait.').optional(),
  retries: count(1, 1_000_000, 'Calls under way that are made again or hedged.'),
}).describe('Of a service, in this gateway; what is left out is as the gateway’s options have it.');

/** Limits of one backend; undefined is as the options have it. */
export interface BackendLimits {
  /** To one instance. */
  readonly connectionsMax: number | undefined;
  readonly requestsMax: number | undefined;
  readonly pendingMax: number | undefined;
  readonly pendingTimeoutMs: number | undefined;
  readonly retriesMax: number | undefined;
}

/** What a policy says. */
export function compileLimits(limits: z.output<typeof limitsSchema>): BackendLimits {
  return {
    connectionsMax: limits.connections,
    requestsMax: limits.requests,
    pendingMax: limits.pending,
    pendingTimeoutMs: inMs(limits.pendingTimeout),
    retriesMax: limits.retries,
  };
}
