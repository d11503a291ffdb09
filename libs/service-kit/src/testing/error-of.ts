import { ServiceError } from '@raftway/errors';

/** What a call fails with. @throws Error when it succeeds; anything else than a ServiceError that it fails with */
export async function errorOf(call: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await call.then(
    () => new Error('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ServiceError)) throw error;
  return error;
}
