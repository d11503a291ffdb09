import { BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import { type Checkpoint, type Entry, EntryKind, type LogIndex } from '../core';
import type { ReturnFromBackup, StateMachine } from '../state-machine';
import { AppliedChain, hashBytes } from './applied-chain';
import { type DeduplicationLimits, DeduplicationTable } from './deduplication-table';

/** Format 1 had no chain, 2 a length before the inner snapshot. They are still read. */
const FORMAT_VERSION = 3;
/** A mark, and one of the formats before: see {@link markReturn}. Read once, and never written by a replica. */
const RETURN_FORMAT_VERSION = 4;

/** What applying an entry yielded; for a retry, what the first application yielded. */
export interface AppliedEntry<Result> {
  readonly index: LogIndex;
  readonly nowMs: number;
  readonly result: Result;
}

/** What comes before the snapshot of a backup when a group is restored from it: that this is so, and how. */
export function markReturn(back: ReturnFromBackup): Buffer {
  const writer = new BinaryWriter().u8(RETURN_FORMAT_VERSION).uint53(back.index).f64(back.nowMs);
  writer.uint53(back.indexGap).i64(back.sequenceGap).f64(back.takenAtMs);
  return writer.f64(back.restoredAtMs).finish();
}

function readReturn(reader: BinaryReader): ReturnFromBackup {
  return {
    index: reader.uint53(),
    nowMs: reader.f64(),
    indexGap: reader.uint53(),
    sequenceGap: reader.i64(),
    takenAtMs: reader.f64(),
    restoredAtMs: reader.f64(),
  };
}

/**
 * A service's state machine behind the deduplication table: commands that carry a client id are applied at most once.
 *
 * All that it answers goes into a hash, which replicas compare: see applied-chain.ts.
 *
 * Its snapshot is `u8 version · boolean, the chain is known · u32 chain · table · inner snapshot`, so that a restored replica recognises the same retries.
 */
export class DeduplicatedStateMachine<Result> {
  private readonly table: DeduplicationTable;
  private readonly chain: AppliedChain;

  /** @param compareEveryEntries where the hash is compared; 0: not at all. */
  constructor(
    private readonly inner: StateMachine<Result>,
    compareEveryEntries = 512,
    limits?: DeduplicationLimits,
  ) {
    this.table = new DeduplicationTable(limits);
    this.chain = new AppliedChain(compareEveryEntries);
  }

  /** Applies a committed entry; undefined for entries that are no commands. */
  apply(entry: Entry): AppliedEntry<Result> | undefined {
    const { index, stampMs: nowMs } = entry;
    const isCommand = entry.kind === EntryKind.command;
    if (isCommand || entry.kind === EntryKind.expiry) {
      this.table.expire(nowMs);
      this.inner.expire?.({ index, nowMs });
    }
    if (!isCommand) {
      this.chain.add(index, entry.term, 0);
      return undefined;
    }
    const first =
      entry.clientId === '' ? undefined : this.table.find(entry.clientId, entry.sequence);
    if (first !== undefined) {
      // Which retries are recognised is part of what replicas must agree on.
      this.chain.add(index, entry.term, first.index);
      return { ...first, result: this.inner.decodeResult(first.result) };
    }
    const result = this.inner.apply(entry.payload, { index, nowMs });
    let encoded: Uint8Array | undefined;
    if (entry.clientId !== '') {
      encoded = this.inner.encodeResult(result);
      this.table.add(entry.clientId, entry.sequence, { index, nowMs, result: encoded });
    }
    const mark = this.chain.isIdle ? 0 : this.fingerprint(result, encoded);
    this.chain.add(index, entry.term, mark);
    return { index, nowMs, result };
  }

  /** What was answered up to the indexes that replicas compare, since the last call. */
  takeCheckpoints(): readonly Checkpoint[] {
    return this.chain.takeCheckpoints();
  }

  nextDeadlineMs(): number | undefined {
    return this.inner.nextDeadlineMs?.();
  }

  snapshot(): Uint8Array {
    return Buffer.concat([...this.snapshotSlices()]);
  }

  /** The state at this call, in slices: see {@link StateMachine.snapshotSlices}. */
  snapshotSlices(): Iterable<Uint8Array> {
    const { value } = this.chain;
    const head = new BinaryWriter(16)
      .u8(FORMAT_VERSION)
      .u8(value === undefined ? 0 : 1)
      .u32(value ?? 0)
      .finish();
    const inner = this.inner.snapshotSlices?.() ?? [this.inner.snapshot()];
    return inOrder([[head], this.table.slices(), inner]);
  }

  /** @throws DecodeError, or what the inner state machine throws, on bytes that are not understood. */
  restore(snapshot: Uint8Array): void {
    const reader = new BinaryReader(snapshot);
    const version = reader.u8();
    if (version === RETURN_FORMAT_VERSION) {
      this.restoreBackup(reader);
      return;
    }
    if (version < 1 || version > FORMAT_VERSION) {
      throw new DecodeError(`state machine snapshot format ${version} is not understood`);
    }
    const isKnown = version > 1 && reader.boolean();
    const value = version > 1 ? reader.u32() : 0;
    this.table.decode(reader);
    const inner = version > 2 ? reader.raw(reader.remaining) : reader.bytes();
    reader.end();
    this.inner.restore(inner);
    this.chain.restore(isKnown ? value : undefined);
  }

  /** A snapshot behind a mark of {@link markReturn}. */
  private restoreBackup(reader: BinaryReader): void {
    const back = readReturn(reader);
    const mark = hashBytes(reader.slice(0, reader.offset));
    const snapshot = reader.raw(reader.remaining);
    if (snapshot[0] === RETURN_FORMAT_VERSION) throw new DecodeError('a backup within a backup');
    this.restore(snapshot);
    this.inner.returnFromBackup?.(back);
    // Replicas that were not restored by the same command may differ: the first comparison finds that.
    const { value } = this.chain;
    this.chain.restore(value === undefined ? undefined : (value ^ mark) >>> 0);
  }

  private fingerprint(result: Result, encoded: Uint8Array | undefined): number {
    const { inner } = this;
    if (inner.fingerprintResult !== undefined) return inner.fingerprintResult(result);
    return hashBytes(encoded ?? inner.encodeResult(result));
  }
}

function* inOrder(parts: readonly Iterable<Uint8Array>[]): Generator<Uint8Array> {
  for (const part of parts) yield* part;
}
