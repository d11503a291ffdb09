import {
  type ConfigCondition,
  type ConfigTransaction,
  transactionFingerprint,
} from './config-commands';
import { CONFIG_LIMITS, type ConfigLimits } from './config-limits';
import { type RegistryResult } from './results';

/** The revision of a store in which nothing was ever set. */
export const EMPTY_CONFIG_REVISION = 1;

/** A text and when it changed. Never mutated. */
export interface ConfigEntry {
  readonly key: string;
  readonly value: string;
  readonly createdRevision: number;
  readonly modifiedRevision: number;
  /** Of key and text, in UTF-8. */
  readonly sizeBytes: number;
}

/** What happened below a prefix after some revision. */
export interface ConfigChanges {
  /** In the order of keys. */
  readonly upserts: readonly ConfigEntry[];
  readonly removedKeys: readonly string[];
}

/**
 * What is configured: texts under keys, the replicated state without its bytes.
 *
 * Invariants: a revision belongs to exactly one transaction that changed something; a removal with a revision above `removalsFloor` is in `removals`; a key
 * is in one of `entries` and `removals` at most.
 */
export class ConfigState {
  private readonly entries = new Map<string, ConfigEntry>();
  /** Keys that are gone, with the revision of their removal, oldest first. */
  private readonly removals = new Map<string, number>();
  private sorted: readonly ConfigEntry[] | undefined;
  private totalBytes = 0;

  constructor(
    private readonly limits: ConfigLimits = CONFIG_LIMITS,
    private currentRevision = EMPTY_CONFIG_REVISION,
    private removalsFloor = currentRevision,
  ) {}

  get revision(): number {
    return this.currentRevision;
  }

  /** Watchers at this revision or above can resume. */
  get floor(): number {
    return this.removalsFloor;
  }

  get entryCount(): number {
    return this.entries.size;
  }

  get byteLength(): number {
    return this.totalBytes;
  }

  get(key: string): ConfigEntry | undefined {
    return this.entries.get(key);
  }

  /** The entries below a prefix, in the order of keys (by UTF-16 units). */
  below(prefix: string): readonly ConfigEntry[] {
    this.sorted ??= [...this.entries.values()].sort(byKey);
    if (prefix === '') return this.sorted;
    return this.sorted.filter(({ key }) => key.startsWith(prefix));
  }

  /** Removed keys with their revisions, oldest first. */
  removed(): readonly (readonly [key: string, revision: number])[] {
    return [...this.removals];
  }

  /** What a watcher at a revision has missed below a prefix, or undefined when it needs a snapshot. */
  changesSince(revision: number, prefix = ''): ConfigChanges | undefined {
    if (revision > this.currentRevision || revision < this.removalsFloor) return undefined;
    const removedKeys: string[] = [];
    for (const [key, removedRevision] of this.removals)
      if (removedRevision > revision && key.startsWith(prefix)) removedKeys.push(key);
    const upserts = this.below(prefix).filter((entry) => entry.modifiedRevision > revision);
    return { upserts, removedKeys };
  }

  /** Makes all changes of a transaction at one revision, or none of them. */
  apply(transaction: ConfigTransaction): RegistryResult {
    const fingerprint = transactionFingerprint(transaction);
    const failed = transaction.conditions.findIndex((condition) => !this.holds(condition));
    if (failed >= 0) {
      const revision = this.currentRevision;
      return { kind: 'configRefused', revision, condition: failed, fingerprint };
    }
    const changes = transaction.operations.filter(
      ({ key, value }) => value !== undefined || this.entries.has(key),
    );
    if (changes.length === 0)
      return { kind: 'configured', revision: this.currentRevision, fingerprint };
    const refused = this.exceededLimit(changes);
    if (refused !== undefined) return { kind: 'limitReached', limit: refused };
    const revision = this.nextRevision(transaction.firstRevision);
    // Nobody may resume from a revision of a life before this one.
    if (revision > this.currentRevision + 1) this.removalsFloor = revision - 1;
    this.currentRevision = revision;
    for (const { key, value } of changes)
      if (value === undefined) this.remove(key, revision);
      else this.put(key, value, revision);
    return { kind: 'configured', revision, fingerprint };
  }

  /** Goes on at a later revision, from which nobody knows what came before. */
  beginAgain(revisions: number): void {
    // The first transaction ever begins above everything by itself.
    if (this.currentRevision === EMPTY_CONFIG_REVISION) return;
    this.currentRevision += revisions;
    this.removalsFloor = this.currentRevision;
    this.removals.clear();
  }

  /** Adds an entry as it is: for restoring. */
  insert(entry: ConfigEntry): void {
    this.sorted = undefined;
    this.entries.set(entry.key, entry);
    this.totalBytes += entry.sizeBytes;
  }

  /** Adds a removal as it is, the oldest first: for restoring. */
  insertRemoval(key: string, revision: number): void {
    this.removals.set(key, revision);
  }

  private holds(condition: ConfigCondition): boolean {
    if (condition.kind === 'entry')
      return (this.entries.get(condition.key)?.modifiedRevision ?? 0) === condition.revision;
    const changes = this.changesSince(condition.revision, condition.prefix);
    return changes !== undefined && changes.upserts.length + changes.removedKeys.length === 0;
  }

  private nextRevision(firstRevision: number): number {
    const isFirst = this.currentRevision === EMPTY_CONFIG_REVISION;
    return (isFirst ? Math.max(firstRevision, EMPTY_CONFIG_REVISION) : this.currentRevision) + 1;
  }

  private exceededLimit(
    changes: ConfigTransaction['operations'],
  ): 'configEntriesMax' | 'configBytesMax' | undefined {
    let count = this.entries.size;
    let bytes = this.totalBytes;
    for (const { key, value } of changes) {
      const old = this.entries.get(key);
      count += Number(value !== undefined) - Number(old !== undefined);
      bytes += (value === undefined ? 0 : sizeOf(key, value)) - (old?.sizeBytes ?? 0);
    }
    if (count > this.limits.configEntriesMax) return 'configEntriesMax';
    return bytes > this.limits.configBytesMax ? 'configBytesMax' : undefined;
  }

  private put(key: string, value: string, revision: number): void {
    const old = this.entries.get(key);
    this.totalBytes -= old?.sizeBytes ?? 0;
    this.removals.delete(key);
    this.insert({
      key,
      value,
      createdRevision: old?.createdRevision ?? revision,
      modifiedRevision: revision,
      sizeBytes: sizeOf(key, value),
    });
  }

  private remove(key: string, revision: number): void {
    this.sorted = undefined;
    this.totalBytes -= this.entries.get(key)?.sizeBytes ?? 0;
    this.entries.delete(key);
    this.removals.set(key, revision);
    while (this.removals.size > this.limits.removalsMax) {
      const [oldest] = this.removals;
      if (oldest === undefined) return;
      // Its neighbours of the same revision stay behind unused.
      this.removalsFloor = oldest[1];
      this.removals.delete(oldest[0]);
    }
  }
}

/** What an entry counts: the bytes of its key and text in UTF-8. */
export function sizeOf(key: string, value: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(value);
}

function byKey(a: ConfigEntry, b: ConfigEntry): number {
  return a.key < b.key ? -1 : 1;
}
