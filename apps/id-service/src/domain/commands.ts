import { type BinaryReader, BinaryWriter, decodeCommandWith } from '@raftway/raft/state-machine';
import {
  LEASE_MAX_MS,
  LEASE_MIN_MS,
  OWNER_LENGTH_MAX,
  RESERVE_MAX_MS,
  SEQUENCE_COUNT_MAX,
  SEQUENCE_NAME_LENGTH_MAX,
  WORKERS_MAX,
} from './limits';

// Times named …Ms are Unix milliseconds of some replica's wall clock, carried as data, or lengths; the log clock is never in a command.

/** What both worker commands say about who asks, by which clock, and for how much. */
interface WorkerClaim {
  /** The proposer's epoch. The first one is kept; a differing one is refused. */
  readonly epochMs: number;
  readonly instanceId: string;
  /** Random for each start of a process: two processes with one instance id are told apart. */
  readonly incarnation: string;
  /** The proposer's wall clock. */
  readonly wallMs: number;
  /** The last millisecond that it wants to use. */
  readonly ceilingMs: number;
  /** The lease's length on the log clock. */
  readonly leaseMs: number;
}

/** Asks for a worker number. */
export interface LeaseWorkerCommand extends WorkerClaim {
  readonly kind: 'leaseWorker';
  /** The process has just started: an earlier incarnation of the same instance is gone, and its worker may be taken over at once. */
  readonly takeOver: boolean;
  /** How many milliseconds are wanted at least, should the range begin after `ceilingMs`. */
  readonly reserveMs: number;
}

/** Asks to keep a worker number and to raise its ceiling. */
export interface RenewWorkerCommand extends WorkerClaim {
  readonly kind: 'renewWorker';
  readonly worker: number;
}

/** Gives a worker number back. */
export interface ReturnWorkerCommand {
  readonly kind: 'returnWorker';
  readonly worker: number;
  readonly incarnation: string;
}

/** Takes the next numbers of a sequence. */
export interface NextSequenceCommand {
  readonly kind: 'nextSequence';
  readonly name: string;
  readonly count: number;
}

export type IdCommand =
  LeaseWorkerCommand | RenewWorkerCommand | ReturnWorkerCommand | NextSequenceCommand;

/** The format that this code writes and reads. */
const VERSION = 1;
/** Written to disk: never change a number. */
const KINDS = { leaseWorker: 1, renewWorker: 2, returnWorker: 3, nextSequence: 4 } as const;

/** A command as bytes: version, kind, fields. */
export function encodeCommand(command: IdCommand): Uint8Array {
  const writer = new BinaryWriter().u8(VERSION).u8(KINDS[command.kind]);
  switch (command.kind) {
    case 'leaseWorker':
      writeClaim(writer, command);
      writer.boolean(command.takeOver).uint53(command.reserveMs);
      break;
    case 'renewWorker':
      writeClaim(writer, command);
      writer.u32(command.worker);
      break;
    case 'returnWorker':
      writer.u32(command.worker).text(command.incarnation);
      break;
    case 'nextSequence':
      writer.text(command.name).u32(command.count);
      break;
  }
  return writer.finish();
}

/**
 * Reads a command and checks its limits; undefined when the bytes are not one.
 *
 * @throws NewerFormatError
 */
export function decodeCommand(bytes: Uint8Array): IdCommand | undefined {
  const command = decodeCommandWith(bytes, VERSION, readBody);
  return command !== undefined && isWithinLimits(command) ? command : undefined;
}

function readBody(reader: BinaryReader): IdCommand | undefined {
  switch (reader.u8()) {
    case KINDS.leaseWorker: {
      const claim = readClaim(reader);
      const takeOver = reader.boolean();
      return { kind: 'leaseWorker', ...claim, takeOver, reserveMs: reader.uint53() };
    }
    case KINDS.renewWorker:
      return { kind: 'renewWorker', ...readClaim(reader), worker: reader.u32() };
    case KINDS.returnWorker:
      return { kind: 'returnWorker', worker: reader.u32(), incarnation: reader.text() };
    case KINDS.nextSequence:
      return { kind: 'nextSequence', name: reader.text(), count: reader.u32() };
    default:
      return undefined;
  }
}

function writeClaim(writer: BinaryWriter, claim: WorkerClaim): void {
  writer.uint53(claim.epochMs).text(claim.instanceId).text(claim.incarnation);
  writer.uint53(claim.wallMs).uint53(claim.ceilingMs).uint53(claim.leaseMs);
}

function readClaim(reader: BinaryReader): WorkerClaim {
  return {
    epochMs: reader.uint53(),
    instanceId: reader.text(),
    incarnation: reader.text(),
    wallMs: reader.uint53(),
    ceilingMs: reader.uint53(),
    leaseMs: reader.uint53(),
  };
}

function isWithinLimits(command: IdCommand): boolean {
  switch (command.kind) {
    case 'leaseWorker':
      return isClaim(command) && isBetween(command.reserveMs, 1, RESERVE_MAX_MS);
    case 'renewWorker':
      return isClaim(command) && command.worker < WORKERS_MAX;
    case 'returnWorker':
      return command.worker < WORKERS_MAX && isOwner(command.incarnation);
    case 'nextSequence':
      return (
        isBetween(command.count, 1, SEQUENCE_COUNT_MAX) &&
        // A character is one or two UTF-16 units; the service has counted characters.
        isBetween(command.name.length, 1, 2 * SEQUENCE_NAME_LENGTH_MAX)
      );
  }
}

function isClaim(claim: WorkerClaim): boolean {
  return (
    isOwner(claim.instanceId) &&
    isOwner(claim.incarnation) &&
    isBetween(claim.leaseMs, LEASE_MIN_MS, LEASE_MAX_MS)
  );
}

function isOwner(text: string): boolean {
  return isBetween(text.length, 1, OWNER_LENGTH_MAX);
}

function isBetween(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}
