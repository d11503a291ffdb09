/*
 * The leader's side of membership change (Raft §6, dissertation chapter 4).
 *
 * A new configuration is an entry like any other, and is in force from the moment it is in a server's log. What keeps two configurations from deciding apart:
 *   - One change at a time: none is begun before the one in force is committed.
 *   - None before an entry of the leader's own term is committed. Without that, two leaders that each began a change of one server from the same configuration, and did
 *     not commit it, could each commit theirs later, by majorities that share nobody (Ongaro, raft-dev, 10 July 2015).
 *   - More than one voter changes only through a joint configuration, which is left by an entry of its own once it is committed, by whoever leads then.
 *
 * A leader that is not among the new voters goes on until their configuration is committed, without counting itself; then it hands over (dissertation §4.2.2). Whoever
 * was removed is still sent to until it can know that, or has been silent for an election timeout: otherwise it would campaign as soon as it hears nothing more.
 */
import { encodeConfiguration } from './configuration';
import { appendAsLeader } from './leader-log';
import { mostAdvanced } from './leadership-transfer';
import { leaveJoint, planChange } from './membership';
import type { MemberChange } from './membership';
import type { Progress } from './progress';
import type { ChangeRefusal } from './ready';
import { becomeFollower } from './roles';
import { createProgress, send } from './state';
import type { LeaderState, RaftState } from './state';
import { EntryKind, NO_SERVER, Transition } from './types';
import type { Configuration, LogIndex, Member, ServerId } from './types';

interface Refused {
  readonly refusal: ChangeRefusal;
  readonly message: string;
}

/** Somebody wants other members: begins the change, or says why not. */
export function changeMembers(
  state: RaftState,
  ticket: number,
  changes: readonly MemberChange[],
): void {
  const refused = whyNotNow(state) ?? whyNotCaughtUp(state, changes);
  if (refused !== undefined) {
    state.outbox.changes.push({ ticket, ...refused });
    return;
  }
  let planned: Configuration;
  try {
    planned = planChange(state.configurations.current, changes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    state.outbox.changes.push({ ticket, refusal: 'invalid', message: error.message });
    return;
  }
  const index = appendConfiguration(state, planned);
  state.outbox.changes.push({ ticket, index, term: state.currentTerm });
}

function whyNotNow(state: RaftState): Refused | undefined {
  const { leader, configurations, log } = state;
  if (leader === undefined) {
    return { refusal: 'notLeader', message: 'only the leader changes members' };
  }
  if (leader.transfer !== undefined) {
    return { refusal: 'transferring', message: 'leadership is being handed over' };
  }
  if (!state.hasCommittedInTerm()) {
    const message = 'the leader is new and has not committed anything yet';
    return { refusal: 'notEstablished', message };
  }
  if (configurations.currentIndex > log.commitIndex || configurations.isJoint) {
    const message = `the change of members at ${configurations.currentIndex} is not complete`;
    return { refusal: 'changeInProgress', message };
  }
  return undefined;
}

function whyNotCaughtUp(state: RaftState, changes: readonly MemberChange[]): Refused | undefined {
  for (const { type, id } of changes) {
    const progress = state.leader?.progress.get(id);
    if (type !== 'promote' || progress?.catchUp === undefined) continue;
    if (!canBeVoter(state, progress)) {
      const { matchIndex } = progress;
      const message = `server ${id} is at ${matchIndex} of ${state.log.lastIndex}, or does not answer`;
      return { refusal: 'notCaughtUp', message };
    }
  }
  return undefined;
}

/** Whoever is slow, silent, or does not know what it promised would hold up the group as a voter. */
function canBeVoter(state: RaftState, progress: Progress): boolean {
  const silentMs = state.nowMs - progress.lastContactMs;
  return (
    progress.catchUp?.isCaughtUp === true &&
    progress.counts &&
    silentMs <= state.options.electionTimeoutMs
  );
}

/** Appends it, which puts it in force. @returns its index. */
function appendConfiguration(state: RaftState, configuration: Configuration): LogIndex {
  const index = appendAsLeader(state, {
    ticket: 0,
    kind: EntryKind.configuration,
    clientId: '',
    sequence: 0,
    payload: encodeConfiguration(configuration),
  });
  state.configurations.add(index, configuration);
  followMembers(state, state.leader as LeaderState);
  return index;
}

/** Begins to send to new members. Those that are gone are kept for a farewell. */
function followMembers(state: RaftState, leader: LeaderState): void {
  for (const member of state.configurations.othersThan(state.id)) {
    const fresh = createProgress(state, member);
    const known = leader.progress.get(member.id);
    if (known === undefined || known.departsAtMs !== Infinity) {
      leader.progress.set(member.id, fresh);
    } else if (member.voter) known.catchUp = undefined;
    else known.catchUp ??= fresh.catchUp;
  }
  leader.hasFarewells = [...leader.progress.keys()].some((id) => !isMember(state, id));
}

/** The commit index has moved: the next step of a change may be due. */
export function onCommitted(state: RaftState): void {
  const { leader, configurations, log } = state;
  if (leader === undefined || configurations.currentIndex > log.commitIndex) return;
  if (configurations.isJoint) {
    appendConfiguration(state, leaveJoint(configurations.current));
    return;
  }
  if (!leader.hasFarewells) return;
  for (const progress of leader.progress.values()) {
    if (progress.departsAtMs !== Infinity || isMember(state, progress.id)) continue;
    progress.departsAtMs = state.nowMs + state.options.electionTimeoutMs;
  }
}

/** Lets go of those that were removed some time ago, and makes a voter of the first learner that wants to be one and has caught up. */
export function tickMembership(state: RaftState): void {
  const { leader, configurations } = state;
  if (leader === undefined) return;
  for (const progress of leader.progress.values()) {
    if (state.nowMs < progress.departsAtMs) continue;
    leader.progress.delete(progress.id);
    leader.hasFarewells = [...leader.progress.keys()].some((id) => !isMember(state, id));
  }
  const joining = configurations.current.members.find(({ id, transition }) => {
    const progress = leader.progress.get(id);
    return (
      transition === Transition.joining && progress !== undefined && canBeVoter(state, progress)
    );
  });
  if (joining === undefined || whyNotNow(state) !== undefined) return;
  const promotion = { type: 'promote', id: joining.id } as const;
  appendConfiguration(state, planChange(configurations.current, [promotion]));
}

/** A leader that is no voter any more hands over once that is committed. To be called after everybody was told what is committed. */
export function maybeResign(state: RaftState): void {
  const { leader, configurations, log } = state;
  if (leader === undefined || configurations.currentIndex > log.commitIndex) return;
  if (configurations.isVoter(state.id)) return;
  const successor = leader.progress.get(mostAdvanced(state));
  if (successor?.matchIndex === log.lastIndex) {
    const { id: from, currentTerm: term } = state;
    send(state, { type: 'timeoutNow', from, to: successor.id, term });
  }
  becomeFollower(state, state.currentTerm, NO_SERVER, 'removed');
}

/**
 * The members of every configuration that may still count here, and whoever this leader says farewell to. Somebody that is in the log of a leader and not in ours yet is not
 * among them: where it can be reached it has to tell itself.
 */
export function peersOf(state: RaftState): readonly Member[] {
  const { configurations, log, leader } = state;
  const peers = new Map<ServerId, Member>();
  // Oldest first, so that a newer address wins.
  const known =
    leader?.hasFarewells === true ? configurations.all : configurations.since(log.commitIndex);
  for (const { members } of known) {
    for (const member of members) peers.set(member.id, member);
  }
  peers.delete(state.id);
  return [...peers.values()];
}

function isMember(state: RaftState, id: ServerId): boolean {
  return state.configurations.current.members.some((member) => member.id === id);
}
