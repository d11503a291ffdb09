import { BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import { type Entry, EntryKind, type LogIndex } from '../core';
import type { StateMachine } from '../state-machine';
import { type DeduplicationLimits, DeduplicationTable } from './deduplication-table';

const FORMAT_VERSION = 1;

/** What applying an entry yielded; for a retry, what the first application yielded. */
export interface AppliedEntry<Result> {
  readonly index: LogIndex;
  readonly nowMs: number;
  readonly result: Result;
}

/**
 * A service's state machine behind the deduplication table: commands that carry a client id are applied at most once.
 *
 * Its snapshot is `u8 version · table · u32+bytes inner snapshot`, so that a restored replica recognises the same retries.
 */
export class DeduplicatedStateMachine<Result> {
  private readonly table: DeduplicationTable;

  constructor(
    private readonly inner: StateMachine<Result>,
    limits?: DeduplicationLimits,
  ) {
    this.table = new DeduplicationTable(limits);
  }

  /** Applies a committed entry; undefined for entries that are no commands. */
  apply(entry: Entry): AppliedEntry<Result> | undefined {
    const { index, stampMs: nowMs } = entry;
    if (entry.kind !== EntryKind.command && entry.kind !== EntryKind.expiry) return undefined;
    this.table.expire(nowMs);
    this.inner.expire?.({ index, nowMs });
    if (entry.kind === EntryKind.expiry) return undefined;
    if (entry.clientId === '') {
      return { index, nowMs, result: this.inner.apply(entry.payload, { index, nowMs }) };
    }
    const first = this.table.find(entry.clientId, entry.sequence);
    if (first !== undefined) {
      return { ...first, result: this.inner.decodeResult(first.result) };
    }
    const result = this.inner.apply(entry.payload, { index, nowMs });
    const encoded = this.inner.encodeResult(result);
    this.table.add(entry.clientId, entry.sequence, { index, nowMs, result: encoded });
    return { index, nowMs, result };
  }

  nextDeadlineMs(): number | undefined {
    return this.inner.nextDeadlineMs?.();
  }

  snapshot(): Uint8Array {
    const inner = this.inner.snapshot();
    const writer = new BinaryWriter(inner.length + 1024);
    writer.u8(FORMAT_VERSION);
    this.table.encode(writer);
    return writer.bytes(inner).finish();
  }

  /** @throws DecodeError, or what the inner state machine throws, on bytes that are not understood. */
  restore(snapshot: Uint8Array): void {
    const reader = new BinaryReader(snapshot);
    const version = reader.u8();
    if (version !== FORMAT_VERSION) {
      throw new DecodeError(`state machine snapshot format ${version} is not understood`);
    }
    this.table.decode(reader);
    const inner = reader.bytes();
    reader.end();
    this.inner.restore(inner);
  }
}
