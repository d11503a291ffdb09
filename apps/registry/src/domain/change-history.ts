import type { registry } from '@raftway/contracts';

type Instance = registry.Instance;
type RemovalReason = registry.RemovedInstance_Reason;

/** One instance that came, changed or left. */
export interface Change {
  readonly revision: number;
  readonly service: string;
  readonly instanceId: string;
  /** The instance after the change; undefined when it left. */
  readonly instance: Instance | undefined;
  /** Why it left; REASON_UNSPECIFIED when it did not. */
  readonly reason: RemovalReason;
  /** What it counts against the history's limit. */
  readonly sizeBytes: number;
}

/**
 * The newest changes, for watchers that resume.
 *
 * Invariant: every change with a revision above {@link ChangeHistory.floor} is here, in the order of revisions.
 */
export class ChangeHistory {
  private changes: Change[] = [];
  /** Where the oldest kept change is: dropping the first element of a large array by shift() would copy it each time. */
  private head = 0;
  private bytes = 0;

  constructor(
    private readonly changesMax: number,
    private readonly bytesMax: number,
    private floorRevision: number,
  ) {}

  /** Watchers at this revision or above can resume. */
  get floor(): number {
    return this.floorRevision;
  }

  get length(): number {
    return this.changes.length - this.head;
  }

  append(change: Change): void {
    this.changes.push(change);
    this.bytes += change.sizeBytes;
    while (this.length > this.changesMax || this.bytes > this.bytesMax) this.dropOldest();
  }

  /** Declares that nothing is known from before a revision. Only for an empty history. */
  startAt(revision: number): void {
    this.floorRevision = revision;
  }

  /** Changes above the revision, oldest first, or undefined when some of them are no longer known. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.floorRevision) return undefined;
    return this.changes.slice(this.firstAbove(revision));
  }

  /** Oldest first. */
  *[Symbol.iterator](): IterableIterator<Change> {
    for (let position = this.head; position < this.changes.length; position += 1) {
      const change = this.changes[position];
      if (change !== undefined) yield change;
    }
  }

  private firstAbove(revision: number): number {
    let low = this.head;
    let high = this.changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.changes[middle]?.revision ?? Infinity) > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private dropOldest(): void {
    const oldest = this.changes[this.head];
    if (oldest === undefined) return;
    this.head += 1;
    this.bytes -= oldest.sizeBytes;
    // Its neighbours of the same revision stay behind unused: a revision of which one change is gone cannot be resumed over.
    this.floorRevision = oldest.revision;
    if (this.head * 2 > this.changes.length && this.head > 1024) {
      this.changes = this.changes.slice(this.head);
      this.head = 0;
    }
  }
}
