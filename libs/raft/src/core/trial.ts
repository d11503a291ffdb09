/*
 * Whether this server would be elected, found out while it goes on following: the leader asks before it hands over to a server of higher priority (priority.ts).
 *
 * A leader knows who answers it, and not who hears whom. In the chain 4-2-3-5, where 2 leads, 4 answers and has everything; but it hears nobody else, and a hand-over to it would only cost an
 * election. So 4 asks all voters for pre-votes first. It asks as if it had the leader's whole log, which it will have before it is told to campaign, and for a term that a campaign of its own
 * would not be for, so that a late answer is not taken for one to that. Pre-votes promise nothing: nobody's term, vote or timer changes.
 */
import { mayCampaign } from './election';
import type { RequestVoteReply } from './messages';
import { countJointVotes } from './quorum';
import { send } from './state';
import type { RaftState } from './state';
import { Role } from './types';
import type { ServerId, Term } from './types';

/** One question to all voters, and who has said yes. */
export interface Trial {
  readonly term: Term;
  readonly startedMs: number;
  readonly votes: Map<ServerId, boolean>;
}

/** The leader wants to know. Asked again after an election timeout, when answers are old. */
export function startTrial(state: RaftState): void {
  if (current(state) !== undefined) return;
  const { id: from, currentTerm, configurations, nowMs } = state;
  state.trial = { term: currentTerm, startedMs: nowMs, votes: new Map([[from, true]]) };
  for (const to of configurations.voters) {
    if (to === from) continue;
    send(state, {
      type: 'requestVote',
      from,
      to,
      term: trialTerm(currentTerm),
      preVote: true,
      lastLogIndex: Number.MAX_SAFE_INTEGER,
      lastLogTerm: currentTerm,
      leadershipTransfer: true,
    });
  }
}

/** True while answers may be on their way to a server that does not campaign. */
export function isTrying(state: RaftState): boolean {
  return state.role === Role.follower && current(state) !== undefined;
}

/** @returns true for an answer to a trial. */
export function noteTrialVote(state: RaftState, message: RequestVoteReply): boolean {
  const { granted, preVote, term, from, suspectRun = 0 } = message;
  if (!preVote || !granted || term !== trialTerm(state.currentTerm)) return false;
  if (suspectRun === 0) current(state)?.votes.set(from, true);
  return true;
}

/** What an answer to the leader says. */
export function isElectable(state: RaftState): boolean {
  const trial = current(state);
  if (trial === undefined || state.suspect || !mayCampaign(state)) return false;
  return countJointVotes(state.configurations.majorities, trial.votes) === 'won';
}

function current({ trial, currentTerm, nowMs, options }: RaftState): Trial | undefined {
  if (trial?.term !== currentTerm) return undefined;
  return nowMs - trial.startedMs < options.electionTimeoutMs ? trial : undefined;
}

/** Two ahead: a campaign would be for the next one. */
function trialTerm(currentTerm: Term): Term {
  return currentTerm + 2;
}
