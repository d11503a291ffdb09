/*
 * Reads from a leader's lease
 *
 * A read round costs a round trip. A leader that a quorum answered a moment ago may save it, if nobody else can have been elected since: a server that has heard its leader helps
 * to elect nobody else for an election timeout T (dissertation §4.2.3, §6.4.1). So from the time at which a round was sent that a quorum has answered, the
 * leader holds a lease of T (1 - d), and answers reads at its commit index while it lasts.
 *
 * What that rests on, and ReadIndex does not:
 *
 *   Between any two servers of a majority, clocks run equally fast up to d: while the leader's clock advances by T (1 - d), a follower's advances by less than T. A clock that stands still while its
 *   machine is suspended or migrated breaks that.
 *
 * When it is broken reads may be stale. Nothing else suffers; and the simulation in libs/testkit shows both. A process that is frozen by itself breaks nothing: its clock goes on, the read index is
 * taken after the call came, and an answer that is late is as good as a read that took long (etcd #20418 and scenario L4 are about clocks that were looked at before the call).
 *
 * The obvious rule, "T after the last heartbeat", is wrong in seven ways:
 *   1. T from when the answers came: the follower's T began when it heard the heartbeat, which may be long ago. It is counted from when the round was sent (L7).
 *   2. A leader that hands over lets its successor win at once. While it does there are no lease reads; and after TimeoutNow has been sent there are none in this term,
 *      since that message may arrive at any time (L6).
 *   3. A follower that was restarted has forgotten that it heard a leader. With leases on, a server helps nobody for T after its start.
 *   4. A follower that meets a newer term forgets its leader. With leases on, its T goes on.
 *   5. Two changes of members later, the quorum that answered may be none. After a change a new round has to be answered.
 *   6. A new leader's commit index may be behind what was acknowledged, until an entry of its own term is committed (L2).
 *   7. A follower that is told that its leader's process has ended campaigns soon (handlePeerGone). Whoever told it may be wrong: a firewall refuses connections, too. With leases on, it waits for T.
 *
 * 3, 4 and 7 are why all servers of a group must have the same setting.
 */
import type { RaftState } from './state';
import type { LogIndex } from './types';

/** One leader's lease, for one term. */
export class Lease {
  private sinceMs = -Infinity;
  private configurationIndex: LogIndex = 0;
  private forfeited = false;

  /** A quorum of the members in force has answered the round that was sent then. */
  renew(sentAtMs: number, configurationIndex: LogIndex): void {
    this.sinceMs = Math.max(this.sinceMs, sentAtMs);
    this.configurationIndex = configurationIndex;
  }

  /** Somebody may be elected at once, from now on. */
  forfeit(): void {
    this.forfeited = true;
  }

  holds(nowMs: number, leaseMs: number, configurationIndex: LogIndex): boolean {
    if (this.forfeited || configurationIndex !== this.configurationIndex) return false;
    return nowMs - this.sinceMs < leaseMs;
  }
}

/** True when this leader may answer a read at its commit index without asking anybody. */
export function mayReadFromLease(state: RaftState): boolean {
  const { leader, options, configurations, nowMs } = state;
  if (leader === undefined || options.leaseMs === undefined) return false;
  if (leader.transfer !== undefined || !state.hasCommittedInTerm()) return false;
  return leader.lease.holds(nowMs, options.leaseMs, configurations.currentIndex);
}

/** With leases: true while a leader may rest on this server's not helping anybody else, also in a newer term and after a restart. */
export function keepsPromise(state: RaftState): boolean {
  const { leaseMs, electionTimeoutMs } = state.options;
  return leaseMs !== undefined && state.nowMs - state.leaderHeardMs < electionTimeoutMs;
}
