import {
  type ApplyContext,
  BinaryReader,
  BinaryWriter,
  DecodeError,
  type StateMachine,
} from '@raftway/raft/state-machine';
import { decodeCommand, type LeaseWorkerCommand, type RenewWorkerCommand } from './commands';
import { GroupClock } from './group-clock';
import { SEQUENCES_MAX } from './limits';
import { decodeResult, encodeResult, refused, type IdResult } from './results';
import { Sequences } from './sequences';
import { WorkerTable } from './worker-table';

const SNAPSHOT_VERSION = 1;

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
    const writer = new BinaryWriter().u8(SNAPSHOT_VERSION).boolean(this.epoch !== undefined);
    if (this.epoch !== undefined) writer.uint53(this.epoch);
    this.clock.write(writer);
    this.workers.write(writer);
    return this.sequences.slices(writer);
  }

  restore(snapshot: Uint8Array): void {
    const reader = new BinaryReader(snapshot);
    const version = reader.u8();
    if (version !== SNAPSHOT_VERSION) {
      throw new DecodeError(
        `snapshot version ${version} is unknown; this code reads ${SNAPSHOT_VERSION}`,
      );
    }
    const epoch = reader.boolean() ? reader.uint53() : undefined;
    const clock = GroupClock.read(reader);
    const workers = WorkerTable.read(reader);
    const sequences = Sequences.read(reader, this.sequencesMax);
    reader.end();
    this.epoch = epoch;
    this.clock = clock;
    this.workers = workers;
    this.sequences = sequences;
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
