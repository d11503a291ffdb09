import type { ServerId, Term } from './types';

/**
 * Why a server asks for votes.
 *
 * - `leaderSilent`: it has not heard its leader for its election timeout.
 * - `leaderGone`: its leader's machine said that the process has ended.
 * - `noLeader`: nobody led for its election timeout: after a start, an election that nobody won, or a leader that gave up.
 * - `transfer`: the leader asked it to take over.
 */
export type ElectionCause = 'leaderSilent' | 'leaderGone' | 'noLeader' | 'transfer';

/**
 * Why a leader is one no longer.
 *
 * - `quorumLost`: no majority answered it for an election timeout.
 * - `diskStalled`: its own disk did not answer for too long.
 * - `transferred`: somebody else leads a newer term while it was handing over.
 * - `newerTerm`: it met a newer term that it had not asked for.
 * - `removed`: it is no voter any more, and that is committed.
 */
export type LeadershipLossCause =
  'quorumLost' | 'diskStalled' | 'transferred' | 'newerTerm' | 'removed';

/** Something that people want to know of. Nothing depends on it. */
export type RaftEvent =
  | {
      readonly type: 'campaign';
      /** The term that is asked for. */
      readonly term: Term;
      /** Only asks whether it could win, and raises no term. */
      readonly preVote: boolean;
      readonly cause: ElectionCause;
    }
  | {
      readonly type: 'leadershipLost';
      /** The term that it led. */
      readonly term: Term;
      readonly cause: LeadershipLossCause;
    }
  | {
      /** A leader has begun to hand over to a server of higher priority. */
      readonly type: 'handOver';
      readonly term: Term;
      readonly to: ServerId;
    };
