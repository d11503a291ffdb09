import { ServiceError } from '@raftway/errors';

/** What an aborted signal says, as an error. */
export function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('the call was aborted');
}

/** Whether the caller's connection ended: it did not ask for that, and may come back. */
export function isCallerLost({ reason }: AbortSignal): boolean {
  return reason instanceof ServiceError && reason.reason === 'CALLER_LOST';
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
