/**
 * One process's side of the worker lease: makes ids from what was granted, and says what to ask for next. Pure; the keeper in adapters/
 * carries commands and answers between this and Raft.
 *
 *        used            reserved ahead
 *     ───────────┼───────────────────────────┤ ceiling, as far as a majority of disks knows it
 *             position                       when less than two thirds of the reserve is left, more is asked for
 *
 * In the steady state ids therefore come from memory, and a Raft round trip happens about once a second in the background. When no more
 * is granted, ids stop at the ceiling.
 *
 * A process whose wall clock is far ahead of the group's is refused. It then works with the group's clock instead of its own (the
 * *correction*), after a few refusals only: when a whole group restarts, the first to ask is measured against old reports.
 */
import { SnowflakeGenerator } from '@raftway/ids';
import type { LeaseWorkerCommand, RenewWorkerCommand, ReturnWorkerCommand } from './commands';
import { CEILING_AHEAD_MAX_MS } from './limits';
import type { IdResult, Refused, WorkerGranted } from './results';

/** Who issues, and by which rules. */
export interface IdIssuerOptions {
  /** Unix milliseconds from which ids count. */
  readonly epochMs: number;
  readonly instanceId: string;
  /** Random for each start of the process. */
  readonly incarnation: string;
  /** How far ahead of its position an issuer reserves, in milliseconds; 1 to RESERVE_MAX_MS. */
  readonly reserveMs: number;
  /** Length of the worker lease on the log clock, in milliseconds. */
  readonly leaseMs: number;
}

/** What an issuer asks the group for. */
export type GrantCommand = LeaseWorkerCommand | RenewWorkerCommand;

/** After so many refusals in a row a clock is taken to be wrong. */
const REFUSALS_BEFORE_CORRECTION = 3;

/** See the top of this file. Ids from one issuer grow strictly. */
export class IdIssuer {
  private generator: SnowflakeGenerator | undefined;
  private heldWorker: number | undefined;
  private hasLeased = false;
  private correctionMs = 0;
  private refusals = 0;
  /** The highest ceiling worth asking for, by the last refusal. */
  private askMaxMs: number | undefined;

  constructor(private readonly options: IdIssuerOptions) {}

  /** The worker number that is held; undefined before the first grant, and after the lease was lost. */
  get worker(): number | undefined {
    return this.heldWorker;
  }

  /** How far the own clock is taken to be ahead of the group's, in milliseconds; 0 when it is trusted. */
  get clockCorrectionMs(): number {
    return this.correctionMs;
  }

  /** Up to `count` ids, strictly growing; fewer when the grant does not reach. */
  take(count: number, wallMs: number): bigint[] {
    const sinceEpochMs = this.correct(wallMs) - this.options.epochMs;
    return this.generator?.next(count, sinceEpochMs) ?? [];
  }

  /** Whether it is time to ask for more. */
  needsGrant(wallMs: number): boolean {
    if (this.heldWorker === undefined || this.generator === undefined) return true;
    const ceilingMs = this.generator.ceilingMs + this.options.epochMs;
    return ceilingMs - this.positionMs(wallMs) < (this.options.reserveMs * 2) / 3;
  }

  /** What to ask for: a lease, or a higher ceiling for the worker that is held. */
  nextCommand(wallMs: number): GrantCommand {
    const { epochMs, instanceId, incarnation, leaseMs, reserveMs } = this.options;
    const wantedMs = this.positionMs(wallMs) + reserveMs;
    const ceilingMs = Math.min(wantedMs, this.askMaxMs ?? wantedMs);
    const wall = clampWall(wallMs);
    const claim = { epochMs, instanceId, incarnation, wallMs: wall, ceilingMs, leaseMs };
    return this.heldWorker === undefined
      ? { kind: 'leaseWorker', ...claim, takeOver: !this.hasLeased, reserveMs }
      : { kind: 'renewWorker', ...claim, worker: this.heldWorker };
  }

  /** What to say on an orderly stop; afterwards no ids are made. Undefined when no worker is held. */
  returnCommand(): ReturnWorkerCommand | undefined {
    const worker = this.heldWorker;
    this.generator = undefined;
    this.heldWorker = undefined;
    if (worker === undefined) return undefined;
    return { kind: 'returnWorker', worker, incarnation: this.options.incarnation };
  }

  /** Takes the answer to a command. Returns whether ids may now be made up to a ceiling that the group knows. */
  accept(command: GrantCommand, result: IdResult): boolean {
    if (result.kind === 'refused') this.refused(command, result);
    if (result.kind !== 'workerGranted') return false;
    if (command.kind === 'leaseWorker') this.adopt(result);
    else this.generator?.raiseCeiling(result.ceilingMs - this.options.epochMs);
    this.refusals = 0;
    this.askMaxMs = undefined;
    const aheadMs = command.wallMs - result.groupMs;
    if (aheadMs + this.options.reserveMs <= CEILING_AHEAD_MAX_MS) this.correctionMs = 0;
    else if (this.correctionMs !== 0) this.correctionMs = aheadMs;
    return true;
  }

  private adopt(grant: WorkerGranted): void {
    const { epochMs } = this.options;
    // Another worker number sorts differently within a millisecond: begin in a fresh one.
    const aboveOwnMs = this.generator === undefined ? 0 : this.generator.cursorMs + 1;
    this.generator = new SnowflakeGenerator({
      worker: grant.worker,
      firstMs: Math.max(grant.firstMs - epochMs, aboveOwnMs),
      ceilingMs: grant.ceilingMs - epochMs,
    });
    this.heldWorker = grant.worker;
    this.hasLeased = true;
  }

  private refused(command: GrantCommand, refusal: Refused): void {
    if (refusal.reason === 'workerLost') {
      // What is left below the ceiling stays ours and may be used up.
      this.heldWorker = undefined;
    } else if (refusal.reason === 'epochExhausted') {
      this.askMaxMs = refusal.limitMs;
    } else if (refusal.reason === 'ceilingTooFarAhead') {
      this.refusals += 1;
      const aheadMs = command.wallMs - refusal.groupMs;
      if (aheadMs + this.options.reserveMs <= CEILING_AHEAD_MAX_MS) {
        this.askMaxMs = refusal.limitMs;
      } else if (this.correctionMs !== 0 || this.refusals >= REFUSALS_BEFORE_CORRECTION) {
        this.correctionMs = aheadMs;
        this.askMaxMs = refusal.limitMs;
      }
    }
  }

  /** Where the next id would be, in Unix milliseconds. */
  private positionMs(wallMs: number): number {
    const cursorMs = (this.generator?.cursorMs ?? 0) + this.options.epochMs;
    return Math.max(this.correct(wallMs), cursorMs);
  }

  private correct(wallMs: number): number {
    return Math.max(0, clampWall(wallMs) - this.correctionMs);
  }
}

/** Commands carry whole, non-negative numbers; a clock before 1970 is as wrong as one at 1970. */
function clampWall(wallMs: number): number {
  return Number.isFinite(wallMs) ? Math.min(Math.max(0, Math.floor(wallMs)), 2 ** 52) : 0;
}
