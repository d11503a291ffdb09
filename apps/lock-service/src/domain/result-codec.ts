import { BinaryReader, BinaryWriter, DecodeError } from '@raftway/raft/state-machine';
import { readMetadata, writeMetadata } from './metadata-codec';
import {
  type HolderView,
  type LockOutcome,
  type LockResult,
  type Rejected,
  type RejectionReason,
} from './results';

const RESULT_FORMAT_VERSION = 1;

/** Written to snapshots: a number never changes its meaning. */
const Kind = {
  sessionOpened: 1,
  sessionsRenewed: 2,
  sessionClosed: 3,
  acquired: 4,
  waiting: 5,
  notAcquired: 6,
  waitCancelled: 7,
  released: 8,
  forceReleased: 9,
  rejected: 10,
} as const satisfies Record<LockOutcome['kind'], number>;

/** Written to snapshots by place: append only. */
const REASONS: readonly RejectionReason[] = [
  'sessionNotFound',
  'notHolder',
  'tokenMismatch',
  'limitReached',
  'requestIdReused',
  'grantEnded',
  'sessionEnded',
  'invalidCommand',
];

/** Turns a result into bytes, for the table of deduplicated results. */
export function encodeResult({ fingerprint, outcome }: LockResult): Uint8Array {
  const writer = new BinaryWriter()
    .u8(RESULT_FORMAT_VERSION)
    .u8(Kind[outcome.kind])
    .u32(fingerprint);
  writeOutcome(writer, outcome);
  return writer.finish();
}

function writeOutcome(writer: BinaryWriter, outcome: LockOutcome): void {
  switch (outcome.kind) {
    case 'sessionOpened':
      writer.text(outcome.sessionId).uint53(outcome.ttlMs);
      break;
    case 'sessionsRenewed':
      writer.list(outcome.ttlsMs, (ttlMs) => writer.uint53(ttlMs));
      break;
    case 'sessionClosed':
      writer.uint53(outcome.locksReleased);
      break;
    case 'acquired':
      writer
        .uint53(outcome.attemptId)
        .text(outcome.sessionId)
        .uint53(outcome.token)
        .uint53(outcome.holdCount);
      break;
    case 'waiting':
      writer.uint53(outcome.attemptId);
      break;
    case 'notAcquired':
      writer.uint53(outcome.queuePosition);
      break;
    case 'waitCancelled':
      writer.boolean(outcome.gaveBack).uint53(outcome.queuePosition);
      break;
    case 'released':
      writer.uint53(outcome.holdCount);
      break;
    case 'forceReleased':
      writer.list(outcome.holders, (holder) => writeHolder(writer, holder));
      break;
    case 'rejected':
      writer
        .u8(REASONS.indexOf(outcome.reason))
        .text(outcome.limitName)
        .uint53(outcome.limit)
        .uint53(outcome.value);
      break;
  }
}

/** Reads what {@link encodeResult} wrote. @throws Error on anything else. */
export function decodeResult(bytes: Uint8Array): LockResult {
  const reader = new BinaryReader(bytes);
  const version = reader.u8();
  if (version !== RESULT_FORMAT_VERSION) throw new DecodeError(`unknown result format ${version}`);
  const kind = reader.u8();
  const fingerprint = reader.u32();
  const outcome = readOutcome(reader, kind);
  reader.end();
  return { fingerprint, outcome };
}

function readOutcome(reader: BinaryReader, kind: number): LockOutcome {
  switch (kind) {
    case Kind.sessionOpened:
      return { kind: 'sessionOpened', sessionId: reader.text(), ttlMs: reader.uint53() };
    case Kind.sessionsRenewed:
      return { kind: 'sessionsRenewed', ttlsMs: reader.list(1, () => reader.uint53()) };
    case Kind.sessionClosed:
      return { kind: 'sessionClosed', locksReleased: reader.uint53() };
    case Kind.acquired:
      return {
        kind: 'acquired',
        attemptId: reader.uint53(),
        sessionId: reader.text(),
        token: reader.uint53(),
        holdCount: reader.uint53(),
      };
    case Kind.waiting:
      return { kind: 'waiting', attemptId: reader.uint53() };
    case Kind.notAcquired:
      return { kind: 'notAcquired', queuePosition: reader.uint53() };
    case Kind.waitCancelled:
      return {
        kind: 'waitCancelled',
        gaveBack: reader.boolean(),
        queuePosition: reader.uint53(),
      };
    case Kind.released:
      return { kind: 'released', holdCount: reader.uint53() };
    case Kind.forceReleased:
      return { kind: 'forceReleased', holders: reader.list(1, () => readHolder(reader)) };
    case Kind.rejected:
      return readRejected(reader);
    default:
      throw new DecodeError(`no result has kind ${kind}`);
  }
}

function readRejected(reader: BinaryReader): Rejected {
  const reason = REASONS[reader.u8()];
  if (reason === undefined) throw new DecodeError('unknown reason');
  return {
    kind: 'rejected',
    reason,
    limitName: reader.text(),
    limit: reader.uint53(),
    value: reader.uint53(),
  };
}

function writeHolder(writer: BinaryWriter, holder: HolderView): void {
  writer
    .text(holder.sessionId)
    .text(holder.ownerId)
    .uint53(holder.token)
    .uint53(holder.holdCount)
    .f64(holder.heldForMs)
    .f64(holder.expiresInMs);
  writeMetadata(writer, holder.metadata);
}

function readHolder(reader: BinaryReader): HolderView {
  return {
    sessionId: reader.text(),
    ownerId: reader.text(),
    token: reader.uint53(),
    holdCount: reader.uint53(),
    heldForMs: reader.f64(),
    expiresInMs: reader.f64(),
    metadata: readMetadata(reader),
  };
}
