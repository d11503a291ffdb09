import { lock } from '@raftway/contracts';
import { createClient, type ServiceClient } from '@raftway/service-kit';

/** A client of the lock service. Changes carry a request id, so that they may be repeated. */
export type LockClient = ServiceClient<typeof lock.LockServiceService>;

/** @param address of the gateway, or of a replica. */
export function lockClient(address: string): LockClient {
  return createClient(lock.LockServiceService, address, {
    idempotentMethods: ['getLock', 'listLocks', 'checkToken'],
  });
}

/** What a call may take besides the time for which it waits in a lock's queue, in milliseconds. */
export const CALL_MARGIN_MS = 10_000;
