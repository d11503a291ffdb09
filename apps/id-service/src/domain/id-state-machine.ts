import {
  type ApplyContext,
  BinaryReader,
  BinaryWriter,
  DecodeError,
  type ReturnFromBackup,
  type StateMachine,
} from '@raftway/raft/state-machine';
import { decodeCommand, type LeaseWorkerCommand, type RenewWorkerCommand } from './commands';
import { GroupClock } from './group-clock';
import { CEILING_AHEAD_MAX_MS, SEQUENCES_MAX } from './limits';
import { decodeResult, encodeResult, refused, type IdResult } from './results';
import { Sequences } from './sequences';
import { WorkerTable } from './worker-table';

/** What is written unless the group came back from a backup: earlier releases read it, too. */
const SNAPSHOT_VERSION = 1;
/** With the floors of workers and sequences. */
const SNAPSHOT_VERSION_WITH_FLOORS = 2;

/** What may differ in a test; replicas of one group must agree. */
export interface IdStateLimits {
  /** @default SEQUENCES_MAX */
  readonly sequencesMax?: number;
}

/** The id service's replicated state: the epoch, the worker numbers and the sequences. */
export class IdStateMachine implements StateMachine<IdResult> {
  private readonly sequencesMax: number;
  private epoch: number | undefined;
  private clock = new GroupClock();
  private workers = new WorkerTable();
  private sequences: Sequences;

  constructor(limits: IdStateLimits = {}) {
    this.sequencesMax = limits.sequencesMax ?? SEQUENCES_MAX;
    this.sequences = new Sequences(this.sequencesMax);
  }

  /** The group's epoch in Unix milliseconds; undefined until a first worker was asked for. */
  get epochMs(): number | undefined {
    return this.epoch;
  }

  apply(bytes: Uint8Array, context: ApplyContext): IdResult {
    const command = decodeCommand(bytes);
    switch (command?.kind) {
      case undefined:
        return refused('badCommand');
      case 'leaseWorker':
      case 'renewWorker':
        return this.claim(command, context.nowMs);
      case 'returnWorker':
        return this.workers.giveBack(command);
      case 'nextSequence':
        return this.sequences.next(command.name, command.count);
    }
  }

  expire(context: ApplyContext): void {
    this.workers.expire(context.nowMs);
  }

  nextDeadlineMs(): number | undefined {
    return this.workers.nextDeadlineMs;
  }

  snapshot(): Uint8Array {
    return Buffer.concat([...this.snapshotSlices()]);
  }

  /** Sequences are what there can be many of; the rest is written at once. */
  snapshotSlices(): Iterable<Uint8Array> {
    const { workers, sequences } = this;
    const hasFloors = workers.floor !== -1 || sequences.floor !== 0n;
    const writer = new BinaryWriter();
    if (hasFloors) {
      writer.u8(SNAPSHOT_VERSION_WITH_FLOORS).f64(workers.floor).i64(sequences.floor);
    } else {
      writer.u8(SNAPSHOT_VERSION);
    }
    writer.boolean(this.epoch !== undefined);
    if (this.epoch !== undefined) writer.uint53(this.epoch);
    this.clock.write(writer);
    this.workers.write(writer);
    return this.sequences.slices(writer);
  }

  restore(snapshot: Uint8Array): void {
    const reader = new BinaryReader(snapshot);
    const version = reader.u8();
    if (version !== SNAPSHOT_VERSION && version !== SNAPSHOT_VERSION_WITH_FLOORS) {
      throw new DecodeError(
        `snapshot version ${version} is unknown; this code reads ${SNAPSHOT_VERSION} and ${SNAPSHOT_VERSION_WITH_FLOORS}`,
      );
    }
    const hasFloors = version === SNAPSHOT_VERSION_WITH_FLOORS;
    const workerFloorMs = hasFloors ? reader.f64() : -1;
    const sequenceFloor = hasFloors ? reader.i64() : 0n;
    const epoch = reader.boolean() ? reader.uint53() : undefined;
    const clock = GroupClock.read(reader);
    const workers = WorkerTable.read(reader, workerFloorMs);
    const sequences = Sequences.read(reader, this.sequencesMax, sequenceFloor);
    reader.end();
    this.epoch = epoch;
    this.clock = clock;
    this.workers = workers;
    this.sequences = sequences;
  }

  /**
   * Ids: a holder was granted at most {@link CEILING_AHEAD_MAX_MS} beyond the time at which it asked, or was ahead at the backup and has stayed as far ahead. So everything starts
   * above the time of the restore and that margin; the group gives out ids again once the clocks have come near. Sequences are moved on. What clocks said then says nothing now.
   */
  returnFromBackup({ restoredAtMs, takenAtMs, sequenceGap }: ReturnFromBackup): void {
    const startMs = Math.floor(Math.max(restoredAtMs, takenAtMs));
    const elapsedMs = startMs - Math.floor(takenAtMs) + CEILING_AHEAD_MAX_MS;
    this.workers.startAbove(startMs + CEILING_AHEAD_MAX_MS, elapsedMs);
    this.sequences.skip(sequenceGap);
    this.clock = new GroupClock();
  }

  encodeResult(result: IdResult): Uint8Array {
    return encodeResult(result);
  }

  decodeResult(bytes: Uint8Array): IdResult {
    return decodeResult(bytes);
  }

  private claim(command: LeaseWorkerCommand | RenewWorkerCommand, logMs: number): IdResult {
    this.epoch ??= command.epochMs;
    // The same milliseconds after two epochs are the same bits: two epochs in one group would make ids twice.
    if (this.epoch !== command.epochMs) return refused('epochMismatch', { epochMs: this.epoch });
    this.clock.report(command.instanceId, command.wallMs, logMs);
    // No id is older than the epoch, so clocks before it count as the epoch.
    const now = { logMs, groupMs: Math.max(this.epoch, this.clock.read(logMs)) };
    return command.kind === 'leaseWorker'
      ? this.workers.lease(command, now)
      : this.workers.renew(command, now);
  }
}
