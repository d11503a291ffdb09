import { type lock } from '@raftway/contracts';
import { toDuration } from '@raftway/service-kit';
import { type LockMetadata } from '../domain/model';
import { type HolderView } from '../domain/results';
import { type LockView, type WaiterView } from '../domain/views';

/** What one response may take, well below the 4 MiB that gRPC clients accept by default. */
export const RESPONSE_BYTES_MAX = 3 * 1024 * 1024;

/** One holder on the wire. */
export function toHolder(view: HolderView): lock.Holder {
  return {
    sessionId: view.sessionId,
    ownerId: view.ownerId,
    fencingToken: BigInt(view.token),
    holdCount: view.holdCount,
    heldFor: toDuration(view.heldForMs),
    expiresIn: toDuration(view.expiresInMs),
    metadata: toMetadata(view.metadata),
  };
}

/** One lock on the wire, with as many of its first waiters as fit. */
export function toLock(view: LockView, bytesMax: number): { lock: lock.Lock; bytes: number } {
  let bytes = 64 + textBytes(view.name);
  const holders = view.holders.map((holder) => {
    bytes += partyBytes(holder);
    return toHolder(holder);
  });
  const waiters: lock.Waiter[] = [];
  for (const waiter of view.waiters) {
    bytes += partyBytes(waiter);
    if (bytes > bytesMax) break;
    waiters.push(toWaiter(waiter));
  }
  const { name, currentToken } = view;
  return { lock: { name, holders, waiters, currentToken: BigInt(currentToken) }, bytes };
}

function toWaiter(view: WaiterView): lock.Waiter {
  return {
    sessionId: view.sessionId,
    ownerId: view.ownerId,
    queuePosition: view.queuePosition,
    waitingFor: toDuration(view.waitingForMs),
    metadata: toMetadata(view.metadata),
  };
}

function toMetadata(metadata: LockMetadata): Record<string, string> {
  return Object.fromEntries(metadata);
}

/** At least what a holder or waiter takes when encoded. */
function partyBytes(party: {
  readonly sessionId: string;
  readonly ownerId: string;
  readonly metadata: LockMetadata;
}): number {
  let bytes = 64 + textBytes(party.sessionId) + textBytes(party.ownerId);
  for (const [key, value] of party.metadata) bytes += 16 + textBytes(key) + textBytes(value);
  return bytes;
}

/** At least the length in UTF-8. */
function textBytes(text: string): number {
  return text.length * 3;
}
