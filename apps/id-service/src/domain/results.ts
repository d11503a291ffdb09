import { BinaryReader, BinaryWriter, DecodeError } from '@raftway/raft/state-machine';

/**
 * Why a command was refused; the state is then unchanged but for the clock report and the lease's deadline.
 *
 * - `badCommand`: the bytes are no command of this version, or break a limit.
 * - `epochMismatch`: the proposer's epoch is not the group's (`epochMs`).
 * - `ceilingTooFarAhead`: the ceiling is above `limitMs`; the group's clock is `groupMs`.
 * - `workerLost`: the incarnation does not hold the worker (any more).
 * - `workersExhausted`: all worker numbers are leased.
 * - `epochExhausted`: the ceiling does not fit 41 bits of milliseconds after the epoch; `limitMs` is the last that does.
 * - `sequencesFull`: there are as many sequences as may be.
 * - `sequenceExhausted`: the sequence would pass the largest 64-bit number.
 */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The index is written to disk: only ever append. */
const REFUSAL_REASONS = [
  'badCommand',
  'epochMismatch',
  'ceilingTooFarAhead',
  'workerLost',
  'workersExhausted',
  'epochExhausted',
  'sequencesFull',
  'sequenceExhausted',
] as const;

/** A worker number and the milliseconds that its holder may use. */
export interface WorkerGranted {
  readonly kind: 'workerGranted';
  readonly worker: number;
  /** The first millisecond of the range: for a new lease above every ceiling the worker ever had. */
  readonly firstMs: number;
  readonly ceilingMs: number;
  /** The group's clock: the median of the replicas' wall clocks. */
  readonly groupMs: number;
}

export interface WorkerReturned {
  readonly kind: 'workerReturned';
}

export interface SequenceTaken {
  readonly kind: 'sequenceTaken';
  readonly first: bigint;
  readonly last: bigint;
  /** The fingerprint of the name, so that a request id that is used again for another sequence is noticed. */
  readonly nameHash: number;
}

export interface Refused {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** 0 unless the reason says what it is. */
  readonly limitMs: number;
  readonly groupMs: number;
  readonly epochMs: number;
}

/** What applying a command yields. */
export type IdResult = WorkerGranted | WorkerReturned | SequenceTaken | Refused;

/** A refusal; numbers that are not given are 0. */
export function refused(
  reason: RefusalReason,
  facts: Partial<Pick<Refused, 'limitMs' | 'groupMs' | 'epochMs'>> = {},
): Refused {
  return { kind: 'refused', reason, limitMs: 0, groupMs: 0, epochMs: 0, ...facts };
}

const VERSION = 1;
/** Written to disk: never change a number. */
const KINDS = { workerGranted: 1, workerReturned: 2, sequenceTaken: 3, refused: 4 } as const;

/** A result as bytes: version, kind, fields. */
export function encodeResult(result: IdResult): Uint8Array {
  const writer = new BinaryWriter().u8(VERSION).u8(KINDS[result.kind]);
  switch (result.kind) {
    case 'workerGranted':
      writer.u32(result.worker).uint53(result.firstMs).uint53(result.ceilingMs);
      writer.uint53(result.groupMs);
      break;
    case 'workerReturned':
      break;
    case 'sequenceTaken':
      writer.i64(result.first).i64(result.last).u32(result.nameHash);
      break;
    case 'refused':
      writer.u8(REFUSAL_REASONS.indexOf(result.reason)).uint53(result.limitMs);
      writer.uint53(result.groupMs).uint53(result.epochMs);
      break;
  }
  return writer.finish();
}

/** Throws {@link DecodeError} on bytes that {@link encodeResult} did not write. */
export function decodeResult(bytes: Uint8Array): IdResult {
  const reader = new BinaryReader(bytes);
  const version = reader.u8();
  if (version !== VERSION) throw new DecodeError(`result version ${version} is unknown`);
  const result = readBody(reader);
  reader.end();
  return result;
}

function readBody(reader: BinaryReader): IdResult {
  const kind = reader.u8();
  switch (kind) {
    case KINDS.workerGranted:
      return {
        kind: 'workerGranted',
        worker: reader.u32(),
        firstMs: reader.uint53(),
        ceilingMs: reader.uint53(),
        groupMs: reader.uint53(),
      };
    case KINDS.workerReturned:
      return { kind: 'workerReturned' };
    case KINDS.sequenceTaken: {
      const first = reader.i64();
      const last = reader.i64();
      return { kind: 'sequenceTaken', first, last, nameHash: reader.u32() };
    }
    case KINDS.refused: {
      const reason = REFUSAL_REASONS[reader.u8()];
      if (reason === undefined) throw new DecodeError('the refusal reason is unknown');
      const limitMs = reader.uint53();
      const groupMs = reader.uint53();
      return { kind: 'refused', reason, limitMs, groupMs, epochMs: reader.uint53() };
    }
    default:
      throw new DecodeError(`result kind ${kind} is unknown`);
  }
}
