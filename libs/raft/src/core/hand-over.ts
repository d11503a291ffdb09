/*
 * The leader's side of priorities: who could take over, and when it is handed to. See priority.ts for the whole.
 */
import { mayTakeOver, transferLeadership } from './leadership-transfer';
import type { HeartbeatReply } from './messages';
import { PRIORITY_DEFAULT, PRIORITY_MAX } from './priority';
import type { Progress } from './progress';
import type { LeaderState, RaftState } from './state';

/** In election timeouts: long enough for two heartbeats, whatever their interval is. */
const TRIAL = 2;

/** What this server's answers say of it; nothing when it is the usual one. */
export function priorityToTell({ options }: RaftState): number | undefined {
  return options.priority === PRIORITY_DEFAULT ? undefined : options.priority;
}

/** What a heartbeat to this follower says about others; nothing while all are equal. */
export function hintsFor(
  { heirs }: LeaderState,
  { id, priority = PRIORITY_MAX }: Progress,
): { readonly yields?: true | undefined; readonly trial?: true | undefined } {
  return {
    yields: heirs.highestPriority > priority ? true : undefined,
    trial: heirs.trial?.id === id ? true : undefined,
  };
}

/** Looks who could lead, and begins to hand over to one of higher priority when that is due. */
export function tickPriority(state: RaftState): void {
  const { leader, log, nowMs, options } = state;
  if (leader === undefined) return;
  const { heirs } = leader;
  heirs.mark(log.commitIndex, nowMs, options.electionTimeoutMs);
  heirs.highestPriority = -1;
  for (const progress of leader.progress.values()) {
    if (couldLead(state, leader, progress)) {
      progress.couldLeadSinceMs ??= nowMs;
      heirs.highestPriority = Math.max(heirs.highestPriority, progress.priority ?? 0);
    } else progress.couldLeadSinceMs = undefined;
  }
  if (heirs.trial !== undefined && nowMs >= heirs.trial.deadlineMs) heirs.trial = undefined;
  if (heirs.highestPriority > options.priority) maybeTry(state, leader);
}

function couldLead(state: RaftState, { heirs }: LeaderState, progress: Progress): boolean {
  return (
    progress.priority !== undefined &&
    progress.matchIndex >= heirs.olderIndex &&
    mayTakeOver(state, progress)
  );
}

/** Asks the best of those that have been able to lead for long enough. */
function maybeTry(state: RaftState, leader: LeaderState): void {
  const { nowMs, options, patience } = state;
  if (leader.heirs.trial !== undefined || !isCalm(state, leader)) return;
  let best: Progress | undefined;
  for (const progress of leader.progress.values()) {
    const { priority = 0, couldLeadSinceMs = Infinity } = progress;
    if (priority <= (best?.priority ?? options.priority)) continue;
    if (patience.isOver(progress.id, couldLeadSinceMs, nowMs)) best = progress;
  }
  if (best === undefined) return;
  patience.attempted(best.id, nowMs);
  leader.heirs.trial = { id: best.id, deadlineMs: nowMs + TRIAL * options.electionTimeoutMs };
}

/** Nothing is going on that a change of leaders would disturb: a change of members, a transfer, a snapshot on its way, a server that has to be brought back. */
function isCalm(state: RaftState, leader: LeaderState): boolean {
  const { configurations, log } = state;
  if (leader.transfer !== undefined || !state.hasCommittedInTerm()) return false;
  if (configurations.currentIndex > log.commitIndex || configurations.isJoint) return false;
  return [...leader.progress.values()].every(
    (progress) => progress.suspectRun === 0 && progress.state !== 'snapshot',
  );
}

/** A follower says what its priority is, and, while it is asked, that the others would elect it. */
export function learnPriority(
  state: RaftState,
  progress: Progress,
  { priority = PRIORITY_DEFAULT, electable }: HeartbeatReply,
): void {
  progress.priority = priority;
  const leader = state.leader as LeaderState;
  if (electable !== true || leader.heirs.trial?.id !== progress.id) return;
  if (!isCalm(state, leader) || !couldLead(state, leader, progress)) return;
  leader.heirs.trial = undefined;
  state.outbox.events.push({ type: 'handOver', term: state.currentTerm, to: progress.id });
  transferLeadership(state, progress.id);
}
