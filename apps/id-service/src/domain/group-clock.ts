/**
 * What time it is, as far as the replicated state can know.
 *
 * Wall clocks never enter a state machine; what enters is what each replica *said* its wall clock was, as data in its commands. Between
 * two reports the log clock, which all replicas share, carries a report on: `said + (log now - log then)`. The median of these estimates
 * is the group's clock: one replica whose clock is an hour off, either way, cannot move it past a right one as long as most are right.
 * With an even number the smaller of the two in the middle is taken: running late costs nothing, running ahead uses up the future.
 */
import type { BinaryReader, BinaryWriter } from '@raftway/raft/state-machine';
import { CLOCK_REPORT_TTL_MS, CLOCK_REPORTS_MAX } from './limits';

interface ClockReport {
  readonly wallMs: number;
  /** The log clock when the report was applied. */
  readonly atMs: number;
}

const REPORT_BYTES_MIN = 18;

/** See the top of this file. */
export class GroupClock {
  /** By instance, the oldest report first. */
  private readonly reports = new Map<string, ClockReport>();

  /** Takes a replica's word for its wall clock; replaces what it said before. */
  report(instanceId: string, wallMs: number, nowMs: number): void {
    this.reports.delete(instanceId);
    this.reports.set(instanceId, { wallMs, atMs: nowMs });
    for (const [instance, report] of this.reports) {
      const isOld = report.atMs + CLOCK_REPORT_TTL_MS <= nowMs;
      if (!isOld && this.reports.size <= CLOCK_REPORTS_MAX) break;
      this.reports.delete(instance);
    }
  }

  /** The median of the wall clocks by the reports that count at this log clock; 0 when there are none. */
  read(nowMs: number): number {
    const estimates: number[] = [];
    for (const { wallMs, atMs } of this.reports.values()) {
      if (atMs + CLOCK_REPORT_TTL_MS > nowMs) estimates.push(wallMs + nowMs - atMs);
    }
    estimates.sort((left, right) => left - right);
    return estimates[(estimates.length - 1) >> 1] ?? 0;
  }

  write(writer: BinaryWriter): void {
    writer.u32(this.reports.size);
    for (const [instanceId, { wallMs, atMs }] of this.reports) {
      writer.text(instanceId).uint53(wallMs).uint53(atMs);
    }
  }

  static read(reader: BinaryReader): GroupClock {
    const clock = new GroupClock();
    for (let left = reader.count(REPORT_BYTES_MIN); left > 0; left -= 1) {
      const instanceId = reader.text();
      const wallMs = reader.uint53();
      clock.reports.set(instanceId, { wallMs, atMs: reader.uint53() });
    }
    return clock;
  }
}
