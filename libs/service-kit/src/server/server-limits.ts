import type { ServerLimits as EngineLimits } from '@raftway/http2';
import type { ServerLimits } from './server-types';

/** Limits with their defaults filled in. */
export interface ResolvedServerLimits {
  readonly receiveMessageBytesMax: number;
  readonly connectionsMax: number;
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
    connectionsMax: limits.connectionsMax ?? 10_000,
    concurrentStreamsMax: limits.concurrentStreamsMax ?? 1000,
    concurrentCallsMax: limits.concurrentCallsMax ?? 10_000,
    connectionAgeMaxMs: limits.connectionAgeMaxMs,
    keepaliveIntervalMs: limits.keepaliveIntervalMs ?? 30_000,
  };
}

/** The limits as the HTTP/2 engine's, with those that nobody has to set. */
export function engineLimits(limits: ResolvedServerLimits): EngineLimits {
  return {
    connectionStreamsMax: limits.concurrentStreamsMax,
    connectionAgeMaxMs: limits.connectionAgeMaxMs,
    // What calls get to finish when their connection has reached its age.
    connectionAgeGraceMs: 30_000,
    headerListBytesMax: 16 * 1024,
    headerCountMax: 200,
    // One window's worth of small requests is also what a handler that is slower than its client has to wait.
    streamBufferBytesMax: 256 * 1024,
    connectionMemoryBytesMax: 64 * 1024 * 1024,
    streamResetBurst: 1000,
    streamResetsPerSecond: 100,
    connectionIdleMs: Number.POSITIVE_INFINITY,
    keepaliveMs: limits.keepaliveIntervalMs,
    // A dead peer is noticed after the interval and this.
    keepaliveTimeoutMs: 10_000,
  };
}
