/*
 * Replicas whose state machines have parted
 *
 * Each replica hands its core checkpoints: the hash over all that its state machine answered up to every n-th index (client-sessions/applied-chain.ts). Followers put their newest
 * one into their answers to heartbeats. The leader collects them, and its own, by index. When a majority of the voters has the same hash at an index, that is the
 * verdict, and it goes out with the heartbeats. Whoever has another hash there stops, the leader too: its successor then is one of the majority.
 *
 * With two voters that differ, or when no two agree, nobody can tell who is right. Then, once all have been heard, the leader's hash is the verdict: its clients have
 * seen its answers. A voter that does not answer delays that; it does not change it.
 *
 * A replica that stops with a DivergenceError must not come back with that state. Its snapshots carry the hash, so it stops again; its directory has to be
 * removed, and the server taken out and added under a new id (ADR 013). If its newest snapshot is from before the divergence, the restart heals it.
 */
import { isQuorum } from './quorum';
import type { LeaderState, RaftState } from './state';
import type { Checkpoint, LogIndex, ServerId } from './types';

/** Checkpoints that are remembered: how far replicas may be apart and still be compared. */
const CHECKPOINTS_MAX = 64;

/** This replica's state machine has answered other than the majority's: it must stop. */
export class DivergenceError extends Error {
  override readonly name = 'DivergenceError';

  constructor(
    readonly serverId: ServerId,
    /** The first compared index at which it differs. */
    readonly index: LogIndex,
    /** The newest compared index at which it did not; 0 when this process has compared none. */
    readonly equalIndex: LogIndex,
  ) {
    super(
      `the state machine of server ${serverId} has answered other than the group's: equal up to entry ${equalIndex}, different up to entry ${index}. ` +
        'It is not a function of the log. Remove this server and its data directory, and add it under a new id',
    );
  }
}

/** The newest checkpoints, by index. */
export class CheckpointRing {
  private readonly hashes = new Map<LogIndex, number>();
  private last: Checkpoint | undefined;

  get newest(): Checkpoint | undefined {
    return this.last;
  }

  add(checkpoint: Checkpoint): void {
    this.hashes.set(checkpoint.index, checkpoint.hash);
    if (checkpoint.index > (this.last?.index ?? 0)) this.last = checkpoint;
    forgetOldest(this.hashes);
  }

  at(index: LogIndex): number | undefined {
    return this.hashes.get(index);
  }

  clear(): void {
    this.hashes.clear();
    this.last = undefined;
  }
}

/** What a leader has heard from the others in its term. */
export class CheckpointReports {
  /** The newest index at which it is decided what is right. */
  verdict: Checkpoint | undefined;
  /** Whose state machine has answered other than what is right, as far as this leader has heard. At most one entry a member. */
  readonly diverged = new Set<ServerId>();
  private readonly byIndex = new Map<LogIndex, Map<ServerId, number>>();

  /** @returns false when it is known already. */
  add(from: ServerId, { index, hash }: Checkpoint): boolean {
    let hashes = this.byIndex.get(index);
    if (hashes === undefined) {
      hashes = new Map();
      this.byIndex.set(index, hashes);
      forgetOldest(this.byIndex);
    }
    if (hashes.get(from) === hash) return false;
    hashes.set(from, hash);
    return true;
  }

  at(index: LogIndex): ReadonlyMap<ServerId, number> {
    return this.byIndex.get(index) ?? new Map<ServerId, number>();
  }
}

/** Maps iterate in the order of insertion. */
function forgetOldest(map: Map<LogIndex, unknown>): void {
  if (map.size <= CHECKPOINTS_MAX) return;
  for (const index of map.keys()) {
    map.delete(index);
    return;
  }
}

/** The state machine has passed these. @throws DivergenceError when it should have answered otherwise. */
export function noteCheckpoints(state: RaftState, checkpoints: readonly Checkpoint[]): void {
  for (const checkpoint of checkpoints) {
    state.checkpoints.add(checkpoint);
    compare(state, checkpoint.index);
    if (state.leader !== undefined) takeReport(state, state.id, checkpoint);
  }
}

/** The leader hears what a member's state machine, or its own, has answered. @throws DivergenceError when it is its own that differs. */
export function takeReport(state: RaftState, from: ServerId, checkpoint: Checkpoint): void {
  const { reports } = state.leader as LeaderState;
  if (!reports.add(from, checkpoint)) return;
  const { index } = checkpoint;
  const hash = judge(state, index);
  if (hash === undefined) return;
  for (const [id, answered] of reports.at(index)) {
    if (answered !== hash) reports.diverged.add(id);
  }
  if (index > (reports.verdict?.index ?? 0)) reports.verdict = { index, hash };
  learnVerdict(state, { index, hash });
}

/** What a majority has; what the leader has when all voters have spoken and no majority agrees. */
function judge(state: RaftState, index: LogIndex): number | undefined {
  const { majorities, voters } = state.configurations;
  const own = state.checkpoints.at(index);
  const reports = (state.leader as LeaderState).reports.at(index);
  const hashOf = (id: ServerId): number | undefined => (id === state.id ? own : reports.get(id));
  const hashes = new Set(voters.map(hashOf));
  for (const hash of hashes) {
    if (hash !== undefined && isQuorum(majorities, (id) => hashOf(id) === hash)) return hash;
  }
  return hashes.has(undefined) ? undefined : own;
}

/** What is right at an index is decided. Kept, because this server may get there later. @throws DivergenceError */
export function learnVerdict(state: RaftState, verdict: Checkpoint): void {
  if (state.verdicts.at(verdict.index) !== verdict.hash) state.verdicts.add(verdict);
  compare(state, verdict.index);
}

function compare(state: RaftState, index: LogIndex): void {
  const own = state.checkpoints.at(index);
  const right = state.verdicts.at(index);
  if (own === undefined || right === undefined) return;
  if (own !== right) throw new DivergenceError(state.id, index, state.comparedIndex);
  state.comparedIndex = Math.max(state.comparedIndex, index);
}
