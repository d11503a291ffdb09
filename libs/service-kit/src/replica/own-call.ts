import type { ReplicaCall } from './replica-types';

/** A call that no client made, such as a batch of renewals: nobody cancels it, and it ends by itself. @param timeoutMs default 5000 */
export function ownCall(timeoutMs = 5_000): ReplicaCall {
  return { deadlineMs: timeoutMs };
}
