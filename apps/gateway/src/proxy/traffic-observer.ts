/** What became of an injected fault; `skipped`: it was to be delayed, and too many calls were. */
export type FaultOutcome = 'delayed' | 'aborted' | 'skipped';

/**
 * How a copy of a call ended.
 * - `ok`, `failed`: its instance answered with OK or another status.
 * - `lost`: the instance or the connection ended it.
 * - `unreachable`: there was no instance, or no connection to it.
 * - `slow`: it did not take the request as fast as the call's own instance.
 * - `late`: it did not answer in its time.
 * - `full`: copies hold as much, or are as many, as may be.
 * - `cancelled`: the call ended before its request was complete.
 */
export type MirrorOutcome =
  'ok' | 'failed' | 'lost' | 'unreachable' | 'slow' | 'late' | 'full' | 'cancelled';

/**
 * What a call's session did.
 * - `begun`: it had none before.
 * - `kept`: it came to the session's instance.
 * - `moved`: it came to another one.
 * - `invalid`: what the client sent is no token of the rule, or its time is over.
 */
export type SessionOutcome = 'begun' | 'kept' | 'moved' | 'invalid';

/** Counts what documents do to calls beside routing them. */
export interface TrafficObserver {
  /** @param policy `kind namespace/name` */
  onFault(policy: string, outcome: FaultOutcome): void;
  /** @param service that got the copy, or was to get it */
  onMirror(service: string, outcome: MirrorOutcome): void;
  /** @param service that the call was sent to */
  onSession(service: string, outcome: SessionOutcome): void;
}
