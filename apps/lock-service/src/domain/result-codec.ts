import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  expectEnd,
  readAmount,
  readList,
  readMetadata,
  readMs,
  writeAmount,
  writeList,
  writeMetadata,
} from './binary';
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
    .uint32(RESULT_FORMAT_VERSION)
    .uint32(Kind[outcome.kind])
    .uint32(fingerprint);
  writeOutcome(writer, outcome);
  return writer.finish();
}

function writeOutcome(writer: BinaryWriter, outcome: LockOutcome): void {
  switch (outcome.kind) {
    case 'sessionOpened':
      writer.string(outcome.sessionId);
      writeAmount(writer, outcome.ttlMs);
      break;
    case 'sessionsRenewed':
      writeList(writer, outcome.ttlsMs, (ttlMs) => writeAmount(writer, ttlMs));
      break;
    case 'sessionClosed':
      writeAmount(writer, outcome.locksReleased);
      break;
    case 'acquired':
      writeAmount(writer, outcome.attemptId);
      writer.string(outcome.sessionId);
      writeAmount(writer, outcome.token);
      writeAmount(writer, outcome.holdCount);
      break;
    case 'waiting':
      writeAmount(writer, outcome.attemptId);
      break;
    case 'notAcquired':
      writeAmount(writer, outcome.queuePosition);
      break;
    case 'waitCancelled':
      writer.bool(outcome.gaveBack);
      writeAmount(writer, outcome.queuePosition);
      break;
    case 'released':
      writeAmount(writer, outcome.holdCount);
      break;
    case 'forceReleased':
      writeList(writer, outcome.holders, (holder) => writeHolder(writer, holder));
      break;
    case 'rejected':
      writer.uint32(REASONS.indexOf(outcome.reason)).string(outcome.limitName);
      writeAmount(writer, outcome.limit);
      writeAmount(writer, outcome.value);
      break;
  }
}

/** Reads what {@link encodeResult} wrote. @throws Error on anything else. */
export function decodeResult(bytes: Uint8Array): LockResult {
  const reader = new BinaryReader(bytes);
  const version = reader.uint32();
  if (version !== RESULT_FORMAT_VERSION) throw new RangeError(`unknown result format ${version}`);
  const kind = reader.uint32();
  const fingerprint = reader.uint32();
  const outcome = readOutcome(reader, kind);
  expectEnd(reader);
  return { fingerprint, outcome };
}

function readOutcome(reader: BinaryReader, kind: number): LockOutcome {
  switch (kind) {
    case Kind.sessionOpened:
      return { kind: 'sessionOpened', sessionId: reader.string(), ttlMs: readAmount(reader) };
    case Kind.sessionsRenewed:
      return { kind: 'sessionsRenewed', ttlsMs: readList(reader, () => readAmount(reader)) };
    case Kind.sessionClosed:
      return { kind: 'sessionClosed', locksReleased: readAmount(reader) };
    case Kind.acquired:
      return {
        kind: 'acquired',
        attemptId: readAmount(reader),
        sessionId: reader.string(),
        token: readAmount(reader),
        holdCount: readAmount(reader),
      };
    case Kind.waiting:
      return { kind: 'waiting', attemptId: readAmount(reader) };
    case Kind.notAcquired:
      return { kind: 'notAcquired', queuePosition: readAmount(reader) };
    case Kind.waitCancelled:
      return {
        kind: 'waitCancelled',
        gaveBack: reader.bool(),
        queuePosition: readAmount(reader),
      };
    case Kind.released:
      return { kind: 'released', holdCount: readAmount(reader) };
    case Kind.forceReleased:
      return { kind: 'forceReleased', holders: readList(reader, () => readHolder(reader)) };
    case Kind.rejected:
      return readRejected(reader);
    default:
      throw new RangeError(`no result has kind ${kind}`);
  }
}

function readRejected(reader: BinaryReader): Rejected {
  const reason = REASONS[reader.uint32()];
  if (reason === undefined) throw new RangeError('unknown reason');
  return {
    kind: 'rejected',
    reason,
    limitName: reader.string(),
    limit: readAmount(reader),
    value: readAmount(reader),
  };
}

function writeHolder(writer: BinaryWriter, holder: HolderView): void {
  writer.string(holder.sessionId).string(holder.ownerId);
  writeAmount(writer, holder.token);
  writeAmount(writer, holder.holdCount);
  writer.double(holder.heldForMs).double(holder.expiresInMs);
  writeMetadata(writer, holder.metadata);
}

function readHolder(reader: BinaryReader): HolderView {
  return {
    sessionId: reader.string(),
    ownerId: reader.string(),
    token: readAmount(reader),
    holdCount: readAmount(reader),
    heldForMs: readMs(reader),
    expiresInMs: readMs(reader),
    metadata: readMetadata(reader),
  };
}
