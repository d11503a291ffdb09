/*
 * A hash over everything that a state machine has answered
 *
 * The problem. A state machine that is not a function of its log (a clock, a random number, the iteration order of something that was restored) gives replicas that
 * differ, and nothing in Raft notices: the logs are equal. It shows when the leader changes, as a lock with two owners.
 *
 * Why the obvious answers fail. Comparing snapshots costs a walk over the whole state, and snapshots are taken at different indexes. Comparing results entry by
 * entry is a message an entry.
 *
 * The sketch. Every replica folds (index, term, fingerprint of the result) of each entry that it applies into 32 bits. Two replicas that have answered the same up to
 * an index have the same value there. Folding in one entry is a permutation of the 32 bits: once two chains differ, equal results never make them meet again. So it is enough to
 * compare now and then (core/divergence.ts), and the first comparison after a divergence finds it. The value is part of the snapshots, so that a restart or an
 * installed snapshot does not wash a divergence away. What no result ever shows stays unseen.
 *
 * Every 65,536 entries the chain begins anew. A replica that comes from a snapshot without a chain, of a version before, takes part from there on; and a difference that
 * an upgrade made is not held against a replica for ever.
 *
 * Source: dragonboat compares hashes of states in its tests, the raft-wal verifier sums ranges of the log; "Paxos Made Live" §5 has checksums of replicas in production.
 */
import type { Checkpoint, LogIndex, Term } from '../core/types';

/** After the entry of a multiple of this the chain begins anew. Part of the protocol: it never changes. */
export const CHAIN_ENTRIES = 65_536;

/** Longer results are hashed by their length and this many bytes of either end. Part of the protocol. */
const ENDS_BYTES = 512;

/** See the head of this file. A pure function of what was added. */
export class AppliedChain {
  /** Undefined while the beginning is not known. */
  private current: number | undefined = 0;
  private recent: Checkpoint[] = [];

  /** @param everyEntries a checkpoint is made at each multiple of it; 0: nothing is hashed. */
  constructor(private readonly everyEntries: number) {}

  /** An unsigned 32-bit number; undefined when it is not known. */
  get value(): number | undefined {
    return this.current;
  }

  /** True when results need not be fingerprinted now. */
  get isIdle(): boolean {
    return this.everyEntries === 0 || this.current === undefined;
  }

  /** Goes on from a snapshot. */
  restore(value: number | undefined): void {
    this.current = value;
    this.recent = [];
  }

  /** One more entry was applied. Entries come in the order of the log, of every kind; those without a result have 0. */
  add(index: LogIndex, term: Term, resultFingerprint: number): void {
    if (this.everyEntries === 0) {
      this.current = undefined;
      return;
    }
    if (this.current !== undefined) {
      let hash = permute(this.current, index);
      hash = permute(hash, term);
      hash = permute(hash, resultFingerprint);
      this.current = hash >>> 0;
      if (index % this.everyEntries === 0) this.recent.push({ index, hash: this.current });
    }
    if (index % CHAIN_ENTRIES === 0) this.current = 0;
  }

  /** The checkpoints since the last call. */
  takeCheckpoints(): readonly Checkpoint[] {
    if (this.recent.length === 0) return this.recent;
    const { recent } = this;
    this.recent = [];
    return recent;
  }
}

/** For a fixed word one-to-one in `hash`: an exclusive or, an odd factor, a shifted exclusive or. The steps are those of MurmurHash3's finaliser. */
function permute(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b);
  const spread = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return spread ^ (spread >>> 16);
}

/** Bytes as 32 bits: FNV-1a of the length and of the bytes, or of both ends of more than 1 KiB. */
export function hashBytes(bytes: Uint8Array): number {
  const { length } = bytes;
  if (length <= 2 * ENDS_BYTES) return hashRange(bytes, 0, length, length);
  const head = hashRange(bytes, 0, ENDS_BYTES, length);
  return hashRange(bytes, length - ENDS_BYTES, length, head);
}

function hashRange(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}
