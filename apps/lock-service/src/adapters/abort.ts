import { ServiceError } from '@raftway/errors';

/** What an aborted signal says, as an error. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('the call was aborted');
}

/** How long a caller with a request id keeps its place without a connection, in milliseconds. */
const CALLER_LOST_GRACE_MS = 5_000;

/**
 * How long to wait before an aborted attempt is taken back, in milliseconds. A caller whose connection ended did not ask for that, and one that has a
 * request id comes back at once: a gateway that restarts loses the connections of all that wait.
 */
export function graceMs(requestId: string, { reason }: AbortSignal): number {
  const isLost = reason instanceof ServiceError && reason.reason === 'CALLER_LOST';
  return isLost && requestId !== '' ? CALLER_LOST_GRACE_MS : 0;
}

/** Settles with the promise, or rejects when the signal aborts first. */
export function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener('abort', onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener('abort', onAbort);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it came
        reject(error);
      },
    );
  });
}
