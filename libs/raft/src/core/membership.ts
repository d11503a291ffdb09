/*
 * How one configuration follows from another (Raft §6, dissertation chapter 4). Pure: no log, no messages.
 *
 * A change that makes or unmakes one voter goes directly: any majority before it and any majority after it share a server (dissertation §4.1). Any other goes through a
 * joint configuration, in which both majorities are asked, and leaves it as soon as that is committed (dissertation §4.3). Learners count nowhere, so they
 * come and go with either.
 */
import type { Majorities } from './quorum';
import { Transition } from './types';
import type { Configuration, Member, ServerId } from './types';

/** More than anybody needs, so that nothing grows without a limit. */
export const MEMBERS_MAX = 100;

/** One wish about one server. Several together are one change. */
export type MemberChange =
  /** Adds a learner; with `promote` it becomes a voter by itself once it has caught up. */
  | {
      readonly type: 'add';
      readonly id: ServerId;
      readonly address: string;
      readonly promote: boolean;
    }
  /** Makes a voter of a learner that has caught up. */
  | { readonly type: 'promote'; readonly id: ServerId }
  /** Makes a learner of a voter. */
  | { readonly type: 'demote'; readonly id: ServerId }
  | { readonly type: 'remove'; readonly id: ServerId };

/** The ids of the voters after the change, and in a joint configuration of those before it. */
export function majoritiesOf(configuration: Configuration): Majorities {
  const after: ServerId[] = [];
  const before: ServerId[] = [];
  for (const { id, voter, transition } of configuration.members) {
    if (!voter) continue;
    if (transition !== Transition.outgoing && transition !== Transition.demoted) after.push(id);
    if (transition !== Transition.incoming) before.push(id);
  }
  return isJoint(configuration) ? [after, before] : [after];
}

/** True between the two steps of a joint change. */
export function isJoint({ members }: Configuration): boolean {
  return members.some(
    ({ transition }) => transition !== undefined && transition !== Transition.joining,
  );
}

/**
 * The configuration to append for `changes`: the wanted one itself, or the joint one that leads there.
 *
 * @param configuration not joint.
 * @throws RangeError with one sentence that names the rule.
 */
export function planChange(
  configuration: Configuration,
  changes: readonly MemberChange[],
): Configuration {
  if (changes.length === 0) throw new RangeError('a change must change something');
  const wanted = new Map(configuration.members.map((member) => [member.id, member]));
  const touched = new Set<ServerId>();
  for (const change of changes) {
    if (touched.has(change.id)) {
      throw new RangeError(`one change must name server ${change.id} once`);
    }
    touched.add(change.id);
    applyChange(wanted, change);
  }
  const { clusterId, members } = configuration;
  const target = [...wanted.values()];
  if (!target.some(({ voter }) => voter)) {
    throw new RangeError('a configuration must have at least one voter');
  }
  if (target.length > MEMBERS_MAX) {
    throw new RangeError(`a group must have at most ${MEMBERS_MAX} members`);
  }
  return { clusterId, members: enter(members, target) };
}

function applyChange(wanted: Map<ServerId, Member>, change: MemberChange): void {
  const { id } = change;
  const member = wanted.get(id);
  if (change.type === 'add') {
    checkNewMember(wanted, change.id, change.address, member);
    const { address, promote } = change;
    const transition = promote ? { transition: Transition.joining } : {};
    wanted.set(id, { id, address, voter: false, ...transition });
    return;
  }
  if (member === undefined) throw new RangeError(`server ${id} is not a member`);
  const { address, voter } = member;
  if (change.type === 'remove') wanted.delete(id);
  else if (change.type === 'promote') {
    if (voter) throw new RangeError(`server ${id} is a voter already`);
    wanted.set(id, { id, address, voter: true });
  } else {
    if (!voter) throw new RangeError(`server ${id} is a learner already`);
    wanted.set(id, { id, address, voter: false });
  }
}

function checkNewMember(
  wanted: ReadonlyMap<ServerId, Member>,
  id: ServerId,
  address: string,
  member: Member | undefined,
): void {
  if (!Number.isSafeInteger(id) || id < 1) {
    throw new RangeError(`the id of a member must be a whole number of at least 1, not ${id}`);
  }
  if (address === '') throw new RangeError(`server ${id} must have an address`);
  if (member !== undefined) throw new RangeError(`server ${id} is a member already`);
  const other = [...wanted.values()].find((one) => one.address === address);
  if (other !== undefined) {
    throw new RangeError(`the address ${address} belongs to server ${other.id}`);
  }
}

/** The target itself when at most one voter differs, else what lies between. */
function enter(before: readonly Member[], target: readonly Member[]): readonly Member[] {
  const wasVoter = new Set(before.filter(({ voter }) => voter).map(({ id }) => id));
  const incoming = target.filter(({ id, voter }) => voter && !wasVoter.has(id));
  const staying = new Map(target.map((member) => [member.id, member]));
  const leaving = before.filter(({ id, voter }) => voter && staying.get(id)?.voter !== true);
  if (incoming.length + leaving.length <= 1) return target;
  const members = target.map((member): Member => {
    if (incoming.includes(member)) return { ...member, transition: Transition.incoming };
    if (member.voter || !wasVoter.has(member.id)) return member;
    return { ...member, voter: true, transition: Transition.demoted };
  });
  const outgoing = leaving
    .filter(({ id }) => !staying.has(id))
    .map((member): Member => ({ ...member, transition: Transition.outgoing }));
  return [...members, ...outgoing];
}

/** What a joint configuration leads to: C_new. */
export function leaveJoint(configuration: Configuration): Configuration {
  const members: Member[] = [];
  for (const member of configuration.members) {
    const { id, address, transition } = member;
    if (transition === Transition.incoming) members.push({ id, address, voter: true });
    else if (transition === Transition.demoted) members.push({ id, address, voter: false });
    else if (transition !== Transition.outgoing) members.push(member);
  }
  return { clusterId: configuration.clusterId, members };
}
