import { type BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter, SNAPSHOT_SLICE_BYTES } from '../state-machine/binary-writer';
import type { LogIndex } from '../core';

/** What a first application yielded. */
export interface FirstResult {
  readonly index: LogIndex;
  /** The log clock when it was applied, in milliseconds. */
  readonly nowMs: number;
  /** As the state machine encoded it. */
  readonly result: Uint8Array;
}

/**
 * How much the table remembers. Part of the replicated state: every replica of a group must use the same numbers, or they would
 * remember different requests. That is why they are constants of a version and not options.
 */
export interface DeduplicationLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** Log-clock milliseconds. */
  readonly ageMsMax: number;
}

export const DEDUPLICATION_LIMITS: DeduplicationLimits = {
  entriesMax: 65_536,
  bytesMax: 32 * 1024 * 1024,
  ageMsMax: 600_000,
};

const FORMAT_VERSION = 1;
/** About what an entry costs beside its key and result. */
const ENTRY_OVERHEAD_BYTES = 64;
const ENCODED_BYTES_MIN = 2 + 8 + 8 + 4;

/**
 * Which requests have been applied, and with what result: a retry yields the first result instead of a second effect
 * (dissertation §6.3, RIFL). A pure function of the log: it forgets by log order and log clock, never by a local clock, so every replica
 * remembers exactly the same requests (scenarios X1 to X4).
 *
 * Bounded, so a promise with an end: a retry that comes after `ageMsMax`, or after `entriesMax` other requests, is applied again.
 */
export class DeduplicationTable {
  /** In log order, because Maps iterate in insertion order and a key is inserted once. */
  private readonly results = new Map<string, FirstResult>();
  private sizeBytes = 0;

  constructor(private readonly limits: DeduplicationLimits = DEDUPLICATION_LIMITS) {}

  get size(): number {
    return this.results.size;
  }

  /** The first result of this request, when it is remembered. */
  find(clientId: string, sequence: number): FirstResult | undefined {
    return this.results.get(keyOf(clientId, sequence));
  }

  /** Remembers a result; call once a request, in log order. */
  add(clientId: string, sequence: number, first: FirstResult): void {
    const key = keyOf(clientId, sequence);
    this.results.set(key, first);
    this.sizeBytes += costOf(key, first);
    this.evict();
  }

  /** Forgets what is older than the limit at this log-clock time. */
  expire(nowMs: number): void {
    for (const [key, first] of this.results) {
      if (nowMs - first.nowMs < this.limits.ageMsMax) return;
      this.forget(key, first);
    }
  }

  /** The contents at this call, in slices. */
  slices(): Iterable<Uint8Array> {
    // Results are never changed, only forgotten: the references are enough.
    return encodeInSlices([...this.results.keys()], [...this.results.values()]);
  }

  /** Replaces the contents. @throws DecodeError */
  decode(reader: BinaryReader): void {
    const version = reader.u8();
    if (version !== FORMAT_VERSION) {
      throw new DecodeError(`deduplication table format ${version} is not understood`);
    }
    this.results.clear();
    this.sizeBytes = 0;
    for (let left = reader.count(ENCODED_BYTES_MIN); left > 0; left--) {
      const key = reader.text();
      const first: FirstResult = {
        index: reader.uint53(),
        nowMs: reader.f64(),
        // A copy: a view would keep the whole snapshot in memory.
        result: Uint8Array.from(reader.bytes()),
      };
      this.results.set(key, first);
      this.sizeBytes += costOf(key, first);
    }
  }

  private evict(): void {
    const { entriesMax, bytesMax } = this.limits;
    for (const [key, first] of this.results) {
      if (this.results.size <= entriesMax && this.sizeBytes <= bytesMax) return;
      this.forget(key, first);
    }
  }

  private forget(key: string, first: FirstResult): void {
    this.results.delete(key);
    this.sizeBytes -= costOf(key, first);
  }
}

function* encodeInSlices(
  keys: readonly string[],
  results: readonly FirstResult[],
): Generator<Uint8Array> {
  const writer = new BinaryWriter(2 * SNAPSHOT_SLICE_BYTES).u8(FORMAT_VERSION).u32(keys.length);
  for (let at = 0; at < keys.length; at += 1) {
    const { index, nowMs, result } = results[at] as FirstResult;
    writer
      .text(keys[at] as string)
      .uint53(index)
      .f64(nowMs)
      .bytes(result);
    if (writer.length >= SNAPSHOT_SLICE_BYTES) yield writer.take();
  }
  yield writer.take();
}

function keyOf(clientId: string, sequence: number): string {
  return `${sequence}:${clientId}`;
}

function costOf(key: string, first: FirstResult): number {
  return key.length + first.result.length + ENTRY_OVERHEAD_BYTES;
}
