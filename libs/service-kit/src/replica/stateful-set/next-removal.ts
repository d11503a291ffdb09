import type { Member } from '@raftway/raft';
import { ordinalOf } from './pod-addresses';
import type { SetSize } from './set-size';

/** What the leader knows when it decides. */
export interface GroupView {
  /** This server, which leads. */
  readonly id: number;
  readonly members: readonly (Member & { readonly lastContactMs: number })[];
  /** A change of members is not complete. */
  readonly isChanging: boolean;
  /** A size of the StatefulSet that is believed. */
  readonly size: SetSize;
  readonly isPod: (member: Member) => boolean;
  /** A member that has answered in that time is there. */
  readonly contactMaxMs: number;
}

/** The server to remove now, or why nobody is although somebody should be; undefined when all is as it should be. */
export type NextRemoval = { readonly remove: number } | { readonly wait: string } | undefined;

/**
 * Whom the leader removes from its group because the StatefulSet has no such pod any more: one at a time, learners first, then from the highest ordinal down, itself last. Nobody when
 * that would leave too few voters that answer, or none: the group goes on with those that it has.
 *
 * Only pods above the last one are surplus. One below the first ordinal belongs to a set that is being moved to another cluster.
 */
export function nextRemoval(view: GroupView): NextRemoval {
  const { id, members, size } = view;
  const end = size.firstOrdinal + size.replicas;
  const surplus = members.filter((one) => view.isPod(one) && ordinalOf(one.id) >= end);
  const candidate = surplus.toSorted((one, other) => rank(other, id) - rank(one, id))[0];
  if (candidate === undefined) return undefined;
  if (size.replicas === 0) {
    return { wait: 'the StatefulSet has no pods: that stops the group, and changes no members' };
  }
  if (view.isChanging) return { wait: 'a change of members is not complete' };
  const staying = members.filter(({ voter }) => voter).filter((one) => one !== candidate);
  if (!staying.some((one) => !surplus.includes(one))) {
    return { wait: 'no voter would be left of those whose pods stay' };
  }
  const there = staying.filter((one) => one.id === id || one.lastContactMs <= view.contactMaxMs);
  if (candidate.voter && there.length * 2 <= staying.length) {
    const counts = `${there.length} of ${staying.length}`;
    return { wait: `without server ${candidate.id} only ${counts} voters would answer` };
  }
  return { remove: candidate.id };
}

/** The highest goes first. */
function rank({ id, voter }: Member, self: number): number {
  if (id === self) return -1;
  return voter ? ordinalOf(id) : Number.MAX_SAFE_INTEGER;
}
