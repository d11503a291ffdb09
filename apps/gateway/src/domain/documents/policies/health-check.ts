import { z } from 'zod';
import { type HealthCheckSettings } from '../../protection';
import { strict } from '../strict';
import { durationBetween } from './duration-between';
import { inMs } from './timeouts';

const threshold = (fallback: number, meaning: string) =>
  z.int().min(1).max(100).default(fallback).describe(meaning);

/** `healthCheck` of a policy. */
export const healthCheckSchema = strict({
  service: z
    .string()
    .max(256)
    .default('')
    .describe('What an instance is asked for; nothing is the instance as a whole.'),
  interval: durationBetween(50, 3_600_000, 'From one check to the next, ±10 %.').default('5s'),
  timeout: durationBetween(10, 60_000, 'How long the answer may take.').default('1s'),
  healthyThreshold: threshold(
    2,
    'Checks passed in a row after which an instance gets calls again.',
  ),
  unhealthyThreshold: threshold(3, 'Checks failed in a row after which it gets none.'),
}).describe('Asks each instance for its health: grpc.health.v1.Health/Check must say SERVING.');

/** What a policy says. */
export function compileHealthCheck(
  part: z.output<typeof healthCheckSchema>,
): Omit<HealthCheckSettings, 'owner'> {
  const { service, interval, timeout, healthyThreshold, unhealthyThreshold } = part;
  return {
    ...{ service, healthyThreshold, unhealthyThreshold },
    intervalMs: inMs(interval),
    timeoutMs: inMs(timeout),
  };
}
