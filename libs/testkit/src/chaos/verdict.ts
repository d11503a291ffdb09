import { checkLinearizability, type LinearizabilityResult } from '../linearizability/check';
import { type Operation, partitionByKey } from '../linearizability/history';
import {
  distinctIdsModel,
  growingIdsModel,
  type IdAllocatorInput,
  type IdAllocatorOutput,
  keyedByOverlap,
} from '../linearizability/id-allocator-model';
import { lockModel } from '../linearizability/lock-model';
import { checkRanges } from '../linearizability/ranges';
import { registerModel } from '../linearizability/register-model';
import { sequenceModel } from '../linearizability/sequence-model';
import { checkUniqueIds, type IdBatch } from '../linearizability/unique';
import { lockOperations, sureUntil } from './lock-evidence';
import type { GrantRecord, RunHistory } from './run-history';

/** What one check has found. */
export interface Verdict {
  readonly check: string;
  readonly verdict: 'holds' | 'violated' | 'undecided';
  /** How much was checked. */
  readonly extent: string;
  readonly findings: readonly string[];
}

/** Judges everything that clients have seen. Pure. */
export function judge(history: RunHistory): Verdict[] {
  const locks = lockOperations(history.locks, history.grants);
  const sequences = partitionByKey(history.sequences);
  const ids = idOperations(history.ids);
  const allIds = ids.map((operation) => ({ ...operation, key: 'ids' }));
  const grants = `${history.grants.length} grants`;
  return [
    linearizable('locks are linearizable', checkLinearizability(locks, lockModel)),
    linearizable(
      'registrations are linearizable',
      checkLinearizability(history.registers, registerModel),
    ),
    linearizable(
      'sequences are linearizable and without gaps',
      checkLinearizability(history.sequences, sequenceModel()),
    ),
    linearizable('ids of a replica are linearizable', checkLinearizability(ids, growingIdsModel)),
    linearizable(
      'ids of all replicas are linearizable',
      checkLinearizability(keyedByOverlap(allIds), distinctIdsModel),
    ),
    direct('no lock is granted to another while it is held', grants, findLostLocks(history.grants)),
    direct('fencing tokens grow', grants, findTokensGoingBack(history.grants)),
    direct(
      'no number twice, no unexplained gap',
      `${sequences.size} sequences`,
      [...sequences.values()].flatMap((calls) => checkRanges(calls)),
    ),
    direct(
      'no id twice, each replica grows',
      `${history.ids.reduce((sum, { ids }) => sum + ids.length, 0)} ids`,
      checkUniqueIds(history.ids),
    ),
    direct(
      'revisions grow',
      `${history.revisions.length} registrations`,
      checkUniqueIds(history.revisions),
    ),
    direct('no client noticed anything', `${history.operations} calls`, history.findings),
  ];
}

function linearizable(check: string, result: LinearizabilityResult): Verdict {
  const { verdict, keys, operations, steps, findings } = result;
  const words = { linearizable: 'holds', violated: 'violated', unknown: 'undecided' } as const;
  const extent = `${operations} operations on ${keys} keys, ${steps} steps`;
  return { check, verdict: words[verdict], extent, findings };
}

function direct(check: string, extent: string, findings: readonly string[]): Verdict {
  return { check, verdict: findings.length === 0 ? 'holds' : 'violated', extent, findings };
}

/**
 * Each replica is an allocator, and a call takes one range of ids or several: those of several milliseconds do not follow each other, and at a ceiling it waits
 * for more. A call of unknown outcome took ids that nobody has seen, and since ids may have gaps it explains nothing.
 */
export function idOperations(
  batches: readonly IdBatch[],
): Operation<IdAllocatorInput, IdAllocatorOutput>[] {
  return batches.flatMap(({ name, source, invokedAt, respondedAt, ids }) =>
    rangesOf(ids).map((output) => ({
      name,
      key: source,
      input: { count: Number(output.last - output.first) + 1 },
      invokedAt,
      response: { at: respondedAt, output },
    })),
  );
}

function rangesOf(ids: readonly bigint[]): IdAllocatorOutput[] {
  const ranges: { first: bigint; last: bigint }[] = [];
  for (const value of ids) {
    const range = ranges.at(-1);
    if (range !== undefined && value === range.last + 1n) range.last = value;
    else ranges.push({ first: value, last: value });
  }
  return ranges;
}

/**
 * A grant with a larger token came later. If it was answered before the earlier holder's lease can have ended and before that had asked to
 * release, then two clients have held the lock at a time.
 */
export function findLostLocks(grants: readonly GrantRecord[]): string[] {
  const findings: string[] = [];
  for (const granted of byLock(grants).values()) {
    const newestFirst = granted.sort((one, other) => (one.token < other.token ? 1 : -1));
    let firstAnswered: GrantRecord | undefined;
    for (const grant of newestFirst) {
      const heldUntil = Math.min(grant.releasedAt, sureUntil(grant.session));
      if (firstAnswered !== undefined && firstAnswered.respondedAt < heldUntil) {
        findings.push(
          `"${grant.lock}" was held by ${grant.owner} (token ${grant.token}) until ${heldUntil.toFixed(0)} at least, ` +
            `and ${firstAnswered.owner} had it (token ${firstAnswered.token}) at ${firstAnswered.respondedAt.toFixed(0)}`,
        );
      }
      if (firstAnswered === undefined || grant.respondedAt < firstAnswered.respondedAt) {
        firstAnswered = grant;
      }
    }
  }
  return findings;
}

/** Tokens of one lock: none twice, and larger ones for whoever asks later. */
export function findTokensGoingBack(grants: readonly GrantRecord[]): string[] {
  return [...byLock(grants).values()].flatMap((granted) =>
    checkUniqueIds(
      granted.map(({ lock, owner, token, invokedAt, respondedAt }) => {
        return { name: owner, source: `"${lock}"`, invokedAt, respondedAt, ids: [token] };
      }),
    ),
  );
}

function byLock(grants: readonly GrantRecord[]): Map<string, GrantRecord[]> {
  const locks = new Map<string, GrantRecord[]>();
  for (const grant of grants) {
    const granted = locks.get(grant.lock);
    if (granted === undefined) locks.set(grant.lock, [grant]);
    else granted.push(grant);
  }
  return locks;
}
