import { parseDuration } from '@raftway/config';
import { type z } from 'zod';
import { durationText } from '../kinds/common';
import { strict } from '../strict';

/** `timeouts` of a policy. */
export const timeoutsSchema = strict({
  default: durationText(
    'The time of a call whose client sets none. Default: unlimited.',
  ).optional(),
  streamIdle: durationText(
    'How long a call may be without a byte, either way. What moves may last. Default: unlimited.',
  ).optional(),
  max: durationText('The longest time a call may take, streams included.').optional(),
}).describe('How long calls may take. What a client asks for is shortened to the maximum.');

/** Times of calls in milliseconds; undefined is no limit. */
export interface Timeouts {
  readonly defaultMs: number | undefined;
  readonly maxMs: number | undefined;
  /** Without a byte, either way. */
  readonly idleMs?: number | undefined;
}

/** What a policy says. */
export function compileTimeouts(timeouts: z.output<typeof timeoutsSchema>): Timeouts {
  return {
    defaultMs: inMs(timeouts.default),
    maxMs: inMs(timeouts.max),
    idleMs: inMs(timeouts.streamIdle),
  };
}

/** Of several policies for one call, the most specific first: the first default and the first idle time, and the shortest maximum. */
export function combineTimeouts(policies: readonly (Timeouts | undefined)[]): Timeouts | undefined {
  const present = policies.filter((policy) => policy !== undefined);
  const [first] = present;
  if (present.length <= 1) return first;
  const defaultMs = present.find((policy) => policy.defaultMs !== undefined)?.defaultMs;
  const limits = present.flatMap(({ maxMs }) => maxMs ?? []);
  const idleMs = present.find((policy) => policy.idleMs !== undefined)?.idleMs;
  return { defaultMs, idleMs, maxMs: limits.length === 0 ? undefined : Math.min(...limits) };
}

/**
 * The time of one call.
 * @param requestedMs what the client asks for; undefined when it sets no deadline.
 */
export function callTimeoutMs(
  requestedMs: number | undefined,
  timeouts: Timeouts | undefined,
): number | undefined {
  if (timeouts === undefined) return requestedMs;
  const { defaultMs, maxMs } = timeouts;
  const wantedMs = requestedMs ?? defaultMs;
  if (wantedMs === undefined || maxMs === undefined) return wantedMs ?? maxMs;
  return Math.min(wantedMs, maxMs);
}

/** A validated duration, in milliseconds. */
export function inMs(text: string): number;
export function inMs(text: string | undefined): number | undefined;
export function inMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}
