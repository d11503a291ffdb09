import type { Operation } from '../linearizability/history';
import type { LockInput, LockOutput } from '../linearizability/lock-model';
import type { GrantRecord, SessionRecord } from './run-history';

type LockOperation = Operation<LockInput, LockOutput>;

/** Timers and clocks are rounded: what a client is sure of ends so much earlier, in milliseconds. */
const TOLERANCE_MS = 5;

/** Stands for every caller whose acquisition nobody has heard of. */
const NOBODY = '(nobody knows)';

/** Until when a session can certainly not have ended. */
export function sureUntil({ aliveUntil, closedAt }: SessionRecord): number {
  return Math.min(aliveUntil, closedAt) - TOLERANCE_MS;
}

/**
 * What the model is asked about the locks of a run: the clients' calls, the ends of leases (see lock-model.ts), and acquisitions of unknown outcome,
 * of which all that no reader ever saw become one: they differ in nothing that anybody could have noticed, and it may happen any number of times.
 */
export function lockOperations(
  calls: readonly LockOperation[],
  grants: readonly GrantRecord[],
): LockOperation[] {
  const seen = seenOwners(calls);
  const operations: LockOperation[] = [];
  const unseen = new Map<string, LockOperation>();
  for (const call of calls) {
    const { key, input, response, invokedAt } = call;
    const owner = 'owner' in input ? input.owner : '';
    const isUnseen = response === undefined && !seen.has(`${key} ${owner}`);
    if (!isUnseen || input.kind === 'release') operations.push(call);
    else if (input.kind === 'acquire' && invokedAt < (unseen.get(key)?.invokedAt ?? Infinity)) {
      unseen.set(key, { ...call, input: { kind: 'acquire', owner: NOBODY } });
    }
  }
  for (const acquisition of unseen.values()) {
    operations.push(acquisition, { ...acquisition, input: { kind: 'expire', owner: NOBODY } });
  }
  return [...operations, ...ends(grants)];
}

function seenOwners(calls: readonly LockOperation[]): Set<string> {
  const seen = new Set<string>();
  for (const { key, response } of calls) {
    if (response?.output.kind === 'seen') seen.add(`${key} ${response.output.owner}`);
  }
  return seen;
}

/** The ends of leases, but of those whose lock was given back before. */
function ends(grants: readonly GrantRecord[]): LockOperation[] {
  return grants
    .filter(({ returnedAt, session }) => returnedAt >= sureUntil(session))
    .map(({ lock, owner, session }) => ({
      name: `end of ${session.id || 'lease'}`,
      key: lock,
      input: { kind: 'expire', owner },
      invokedAt: sureUntil(session),
      response: undefined,
    }));
}
