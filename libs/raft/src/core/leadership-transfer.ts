/*
 * Handing leadership over (dissertation §3.10): stop taking proposals, bring the target up to date, tell it to campaign at once. If that does not
 * come to pass within an election timeout, the leader goes on as before.
 */
import { campaign } from './election';
import type { TimeoutNow } from './messages';
import type { Progress } from './progress';
import { send } from './state';
import type { RaftState } from './state';
import { NO_SERVER, Role } from './types';
import type { ServerId } from './types';

/** Hands over to `target`, or with NO_SERVER to whoever is most advanced. A follower passes the request on. Unknown targets are ignored. */
export function transferLeadership(state: RaftState, target: ServerId): void {
  const { leader } = state;
  if (leader === undefined) {
    if (state.leaderId === NO_SERVER) return;
    send(state, {
      type: 'transferLeadership',
      from: state.id,
      to: state.leaderId,
      term: state.currentTerm,
      target,
    });
    return;
  }
  const progress = leader.progress.get(target === NO_SERVER ? mostAdvanced(state) : target);
  if (progress === undefined || !state.configurations.staysVoter(progress.id)) return;
  if (progress.suspectRun !== 0) return;
  if (leader.transfer?.target === progress.id) return;
  leader.transfer = {
    target: progress.id,
    deadlineMs: state.nowMs + state.options.electionTimeoutMs,
  };
  state.needsFlush = true;
  maybeTimeoutNow(state, progress);
}

/** Among those that may take over, the one with the longest matching log; of several the one of the highest priority. */
export function mostAdvanced(state: RaftState): ServerId {
  let best: Progress | undefined;
  for (const progress of state.leader?.progress.values() ?? []) {
    if (!mayTakeOver(state, progress)) continue;
    if (best === undefined || isBetter(progress, best)) best = progress;
  }
  return best?.id ?? NO_SERVER;
}

/** True for a voter that answers, stays a voter, and is not suspect. */
export function mayTakeOver(state: RaftState, progress: Progress): boolean {
  const silentMs = state.nowMs - progress.lastContactMs;
  return (
    silentMs <= state.options.electionTimeoutMs &&
    progress.suspectRun === 0 &&
    state.configurations.staysVoter(progress.id)
  );
}

function isBetter(one: Progress, other: Progress): boolean {
  if (one.matchIndex !== other.matchIndex) return one.matchIndex > other.matchIndex;
  return (one.priority ?? 0) > (other.priority ?? 0);
}

/** Called whenever the target answers: tells it to campaign once it has everything. Repeated, because the message may be lost. */
export function maybeTimeoutNow(state: RaftState, progress: Progress): void {
  if (state.leader?.transfer?.target !== progress.id) return;
  if (progress.matchIndex !== state.log.lastIndex) return;
  state.leader.lease.forfeit();
  send(state, {
    type: 'timeoutNow',
    from: state.id,
    to: progress.id,
    term: state.currentTerm,
  });
}

/** Gives up a transfer that took too long. */
export function tickTransfer(state: RaftState): void {
  const transfer = state.leader?.transfer;
  if (transfer !== undefined && state.nowMs >= transfer.deadlineMs) {
    (state.leader as NonNullable<RaftState['leader']>).transfer = undefined;
  }
}

/** The leader wants this server to take over: campaigns without a pre-vote, which the others would refuse. */
export function handleTimeoutNow(state: RaftState, message: TimeoutNow): void {
  const follows = state.role === Role.follower && state.leaderId === message.from;
  // A suspect server needs every vote, which a campaign that ousts a leader would not get.
  if (follows && state.configurations.isVoter(state.id) && !state.suspect) campaign(state, true);
}
