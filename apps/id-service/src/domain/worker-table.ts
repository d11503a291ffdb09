/**
 * Who may use which worker number, and up to which millisecond.
 *
 * The obvious rule, "one holder at a time", is not enough: a holder that is paused, or cut off, does not know that its lease has ended
 * and goes on making ids. So safety does not rest on leases at all. Each worker number has a *ceiling*, the last millisecond that any
 * holder was ever granted. It only grows. A holder uses nothing above the ceiling it was told, and a new lease starts above the ceiling:
 *
 *     worker 7   ├── first holder ──┤├── second holder ──┤├─ …      milliseconds →
 *                                 ceiling              ceiling
 *
 * The ranges of two leases of one number never overlap, whatever clocks and leases did. Leases only decide when a number may be used again.
 *
 * INVARIANT: a record's ceiling never falls, and every new lease's firstMs is above it.
 */
import { SNOWFLAKE_TIMESTAMP_MAX } from '@raftway/ids';
import type { BinaryReader, BinaryWriter } from '@raftway/raft/state-machine';
import type { LeaseWorkerCommand, RenewWorkerCommand, ReturnWorkerCommand } from './commands';
import { CEILING_AHEAD_MAX_MS, WORKERS_MAX } from './limits';
import { refused, type IdResult } from './results';

/** What is known of a worker number that has been leased at least once. */
interface WorkerRecord {
  readonly worker: number;
  /** The last millisecond that was ever granted. */
  ceilingMs: number;
  /** The log clock when the ceiling was last raised. */
  raisedAtMs: number;
  /** Who holds it, or held it last. */
  instanceId: string;
  incarnation: string;
  /** False: the number is free. */
  held: boolean;
  /** The log clock at which the lease ends. */
  deadlineMs: number;
}

/** The clocks at which a command is applied. */
export interface Now {
  /** The log clock. */
  readonly logMs: number;
  /** The group's clock, see group-clock.ts. */
  readonly groupMs: number;
}

const RECORD_BYTES_MIN = 33;

/** See the top of this file. */
export class WorkerTable {
  private readonly records: (WorkerRecord | undefined)[] = Array.from({ length: WORKERS_MAX });
  /** The earliest deadline of a held lease; undefined when nothing is held. */
  private earliestMs: number | undefined;
  /** No lease of any number starts at or below it: numbers that were first leased after a backup have no record. */
  private floorMs = -1;

  /** The earliest deadline on the log clock. */
  get nextDeadlineMs(): number | undefined {
    return this.earliestMs;
  }

  /** Frees every worker whose lease has ended. Its ceiling stays. */
  expire(logMs: number): void {
    if (this.earliestMs === undefined || this.earliestMs > logMs) return;
    for (const record of this.records) {
      if (record?.held === true && record.deadlineMs <= logMs) record.held = false;
    }
    this.updateEarliest();
  }

  /** Leases a free worker, or the one that the instance had before. */
  lease(command: LeaseWorkerCommand, now: Now): IdResult {
    const lastMs = command.epochMs + SNOWFLAKE_TIMESTAMP_MAX;
    if (command.ceilingMs > lastMs) return refused('epochExhausted', { limitMs: lastMs });
    const candidates = this.candidates(command);
    if (candidates.length === 0) return refused('workersExhausted');
    for (const worker of candidates) {
      const record = this.records[worker];
      const firstMs = Math.max(command.epochMs, this.floorMs + 1, (record?.ceilingMs ?? -1) + 1);
      const ceilingMs = Math.max(command.ceilingMs, firstMs + command.reserveMs - 1);
      const limitMs = Math.min(lastMs, limitOf(record, command.incarnation, now));
      if (ceilingMs > limitMs) continue;
      this.release(command);
      this.records[worker] = {
        worker,
        ceilingMs,
        raisedAtMs: now.logMs,
        instanceId: command.instanceId,
        incarnation: command.incarnation,
        held: true,
        deadlineMs: now.logMs + command.leaseMs,
      };
      this.updateEarliest();
      return { kind: 'workerGranted', worker, firstMs, ceilingMs, groupMs: now.groupMs };
    }
    const limitMs = now.groupMs + CEILING_AHEAD_MAX_MS;
    return refused('ceilingTooFarAhead', { limitMs, groupMs: now.groupMs });
  }

  /** Renews a lease and raises its ceiling. A refused ceiling still renews the lease: the holder is alive. */
  renew(command: RenewWorkerCommand, now: Now): IdResult {
    const record = this.records[command.worker];
    if (record?.held !== true || record.incarnation !== command.incarnation) {
      return refused('workerLost');
    }
    record.deadlineMs = now.logMs + command.leaseMs;
    this.updateEarliest();
    const lastMs = command.epochMs + SNOWFLAKE_TIMESTAMP_MAX;
    if (command.ceilingMs > lastMs) return refused('epochExhausted', { limitMs: lastMs });
    if (command.ceilingMs > record.ceilingMs) {
      const limitMs = limitOf(record, command.incarnation, now);
      if (command.ceilingMs > limitMs) {
        return refused('ceilingTooFarAhead', { limitMs, groupMs: now.groupMs });
      }
      record.ceilingMs = command.ceilingMs;
      record.raisedAtMs = now.logMs;
    }
    return {
      kind: 'workerGranted',
      worker: record.worker,
      firstMs: command.epochMs,
      ceilingMs: record.ceilingMs,
      groupMs: now.groupMs,
    };
  }

  /** Frees a worker before its lease ends. Its ceiling stays: the holder may have used all of its range. */
  giveBack(command: ReturnWorkerCommand): IdResult {
    const record = this.records[command.worker];
    if (record?.held !== true || record.incarnation !== command.incarnation) {
      return refused('workerLost');
    }
    record.held = false;
    this.updateEarliest();
    return { kind: 'workerReturned' };
  }

  /** What every lease starts above; -1 unless the state came back from a backup. */
  get floor(): number {
    return this.floorMs;
  }

  /**
   * Takes all numbers from their holders, and raises all ceilings, also of numbers that were never leased as far as is known.
   *
   * @param floorMs the least that they become.
   * @param elapsedMs how much those that are higher may have risen since.
   */
  startAbove(floorMs: number, elapsedMs: number): void {
    this.floorMs = Math.max(this.floorMs, floorMs);
    for (const record of this.records) {
      if (record === undefined) continue;
      record.held = false;
      record.ceilingMs = Math.max(this.floorMs, record.ceilingMs + elapsedMs);
    }
    this.updateEarliest();
  }

  write(writer: BinaryWriter): void {
    const used = this.records.filter((record) => record !== undefined);
    writer.u32(used.length);
    for (const record of used) {
      writer.u32(record.worker).uint53(record.ceilingMs).uint53(record.raisedAtMs);
      writer.text(record.instanceId).text(record.incarnation);
      writer.boolean(record.held).uint53(record.deadlineMs);
    }
  }

  static read(reader: BinaryReader, floorMs: number): WorkerTable {
    const table = new WorkerTable();
    table.floorMs = floorMs;
    for (let left = reader.count(RECORD_BYTES_MIN); left > 0; left -= 1) {
      const record = readRecord(reader);
      table.records[record.worker] = record;
    }
    table.updateEarliest();
    return table;
  }

  /**
   * The numbers that may be leased, best first: the instance's own (so that its ids go on growing across a restart), then those whose
   * ceiling is behind the wanted start, then those that start in the near future, the nearest first.
   */
  private candidates(command: LeaseWorkerCommand): number[] {
    const own: number[] = [];
    const others: { worker: number; aheadMs: number }[] = [];
    const startMs = command.ceilingMs - command.reserveMs;
    for (let worker = 0; worker < WORKERS_MAX; worker += 1) {
      const record = this.records[worker];
      if (record !== undefined && isOwn(record, command)) own.push(worker);
      else if (record?.held !== true) {
        const aheadMs = Math.max(0, (record?.ceilingMs ?? 0) - startMs);
        others.push({ worker, aheadMs });
      }
    }
    others.sort((left, right) => left.aheadMs - right.aheadMs || left.worker - right.worker);
    return [...own, ...others.map(({ worker }) => worker)];
  }

  /** Frees what the process, or the one it takes over from, still holds: one process has one worker. */
  private release(command: LeaseWorkerCommand): void {
    for (const record of this.records) {
      if (record !== undefined && isOwn(record, command)) record.held = false;
    }
  }

  private updateEarliest(): void {
    let earliest: number | undefined;
    for (const record of this.records) {
      if (record?.held !== true) continue;
      earliest = Math.min(earliest ?? Infinity, record.deadlineMs);
    }
    this.earliestMs = earliest;
  }
}

/** Whether a process may take a number because it was its own: held by it, or by the incarnation before it, or free since. */
function isOwn(record: WorkerRecord, command: LeaseWorkerCommand): boolean {
  if (record.incarnation === command.incarnation) return true;
  return record.instanceId === command.instanceId && (command.takeOver || !record.held);
}

/**
 * The highest ceiling that may be granted now. A holder that is ahead already (the clocks of most replicas were wrong, and have been
 * corrected) may stay as far ahead, at the pace of the log clock, so that its ids can go on growing; it cannot get farther ahead.
 */
function limitOf(record: WorkerRecord | undefined, incarnation: string, now: Now): number {
  const limitMs = now.groupMs + CEILING_AHEAD_MAX_MS;
  if (record?.incarnation !== incarnation) return limitMs;
  return Math.max(limitMs, record.ceilingMs + now.logMs - record.raisedAtMs);
}

function readRecord(reader: BinaryReader): WorkerRecord {
  const worker = reader.u32();
  const ceilingMs = reader.uint53();
  const raisedAtMs = reader.uint53();
  const instanceId = reader.text();
  const incarnation = reader.text();
  const held = reader.boolean();
  const deadlineMs = reader.uint53();
  return { worker, ceilingMs, raisedAtMs, instanceId, incarnation, held, deadlineMs };
}
