import type { ChannelOptions } from '@grpc/grpc-js';
import type { ServerLimits } from './server-types';

/** Limits with their defaults filled in. */
export interface ResolvedServerLimits {
  readonly receiveMessageBytesMax: number;
  readonly concurrentStreamsMax: number;
  readonly concurrentCallsMax: number;
  readonly connectionAgeMaxMs: number | undefined;
  readonly keepaliveIntervalMs: number;
}

/** @throws RangeError for a limit that is not a positive whole number. */
export function resolveServerLimits(limits: ServerLimits = {}): ResolvedServerLimits {
  for (const [name, value] of Object.entries(limits) as [string, number | undefined][]) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw new RangeError(`${name} must be a positive whole number, got ${value}`);
    }
  }
  return {
    receiveMessageBytesMax: limits.receiveMessageBytesMax ?? 4 * 1024 * 1024,
    concurrentStreamsMax: limits.concurrentStreamsMax ?? 1000,
    concurrentCallsMax: limits.concurrentCallsMax ?? 10_000,
    connectionAgeMaxMs: limits.connectionAgeMaxMs,
    keepaliveIntervalMs: limits.keepaliveIntervalMs ?? 30_000,
  };
}

/** A dead peer is noticed after the interval and this. */
const KEEPALIVE_TIMEOUT_MS = 10_000;
/** What calls get to finish when their connection has reached its age. */
const CONNECTION_AGE_GRACE_MS = 30_000;

/** The limits as grpc-js's channel options. */
export function serverChannelOptions(limits: ResolvedServerLimits): ChannelOptions {
  return {
    'grpc.max_receive_message_length': limits.receiveMessageBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': limits.concurrentStreamsMax,
    'grpc.keepalive_time_ms': limits.keepaliveIntervalMs,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.enable_channelz': 0,
    ...(limits.connectionAgeMaxMs === undefined
      ? {}
      : {
          'grpc.max_connection_age_ms': limits.connectionAgeMaxMs,
          'grpc.max_connection_age_grace_ms': CONNECTION_AGE_GRACE_MS,
        }),
  };
}
