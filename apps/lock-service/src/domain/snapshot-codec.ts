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
import { type LockTable } from './lock-table';
import {
  type Attempt,
  type AttemptOutcome,
  type HeldLock,
  type LockHolder,
  type Session,
} from './model';
import { WaitQueue } from './wait-queue';

/** The format that this code writes, in the first byte of every snapshot. */
export const SNAPSHOT_FORMAT_VERSION = 1;

/** Written to snapshots by place: append only. */
const OUTCOMES: readonly AttemptOutcome['kind'][] = [
  'waiting',
  'granted',
  'notAcquired',
  'cancelled',
  'sessionExpired',
  'sessionClosed',
];

/** The whole table as bytes: the same bytes on every replica that has applied the same commands. */
export function encodeSnapshot(table: LockTable, nowMs: number): Uint8Array {
  const writer = new BinaryWriter().uint32(SNAPSHOT_FORMAT_VERSION).double(nowMs);
  writeList(writer, [...table.sessions.all()], (session) => writeSession(writer, session));
  writeList(writer, [...table.held.values()], (lock) => {
    writer.string(lock.name);
    writeHolder(writer, lock.holder);
    writeList(writer, [...lock.queue], (attempt) => writeAttempt(writer, attempt));
  });
  writeList(writer, [...table.attempts.finishedAttempts()], (attempt) => {
    writeAttempt(writer, attempt);
  });
  writeAmount(writer, table.tokens.floor);
  writeList(writer, [...table.tokens.entries()], ([name, token]) => {
    writer.string(name);
    writeAmount(writer, token);
  });
  return writer.finish();
}

/**
 * Fills an empty table.
 *
 * @returns the log clock of the snapshot.
 * @throws Error on bytes that it does not understand.
 */
export function decodeSnapshot(bytes: Uint8Array, table: LockTable): number {
  const reader = new BinaryReader(bytes);
  const version = reader.uint32();
  if (version !== SNAPSHOT_FORMAT_VERSION)
    throw new RangeError(
      `the snapshot has format ${version}; this replica knows ${SNAPSHOT_FORMAT_VERSION}`,
    );
  const nowMs = readMs(reader);
  readList(reader, () => table.sessions.open(readSession(reader)));
  readList(reader, () => restoreLock(reader, table));
  readList(reader, () => table.attempts.restoreFinished(readAttempt(reader)));
  const floor = readAmount(reader);
  table.tokens.restore(
    floor,
    readList(reader, () => [reader.string(), readAmount(reader)] as [string, number]),
  );
  expectEnd(reader);
  return nowMs;
}

function restoreLock(reader: BinaryReader, table: LockTable): void {
  const name = reader.string();
  const lock: HeldLock = { name, holder: readHolder(reader), queue: new WaitQueue() };
  const session = table.sessions.get(lock.holder.sessionId);
  if (session === undefined) throw new RangeError(`lock "${name}" is held by no session`);
  session.held.add(name);
  table.held.set(name, lock);
  for (const attempt of readList(reader, () => readAttempt(reader))) {
    table.attempts.add(attempt);
    table.enqueue(lock, attempt);
  }
}

function writeSession(writer: BinaryWriter, session: Session): void {
  writer.string(session.id);
  writeAmount(writer, session.order);
  writeAmount(writer, session.ttlMs);
  writer.double(session.deadlineMs).string(session.implicitLock);
}

function readSession(reader: BinaryReader): Parameters<LockTable['sessions']['open']>[0] {
  return {
    id: reader.string(),
    order: readAmount(reader),
    ttlMs: readAmount(reader),
    deadlineMs: readMs(reader),
    implicitLock: reader.string(),
  };
}

function writeHolder(writer: BinaryWriter, holder: LockHolder): void {
  writer.string(holder.sessionId).string(holder.ownerId);
  writeAmount(writer, holder.token);
  writeAmount(writer, holder.holdCount);
  writer.double(holder.grantedAtMs);
  writeMetadata(writer, holder.metadata);
  writeList(writer, holder.recentGrants, (grant) => {
    writeAmount(writer, grant.attemptId);
    writer.string(grant.attachment);
  });
}

function readHolder(reader: BinaryReader): LockHolder {
  return {
    sessionId: reader.string(),
    ownerId: reader.string(),
    token: readAmount(reader),
    holdCount: readAmount(reader),
    grantedAtMs: readMs(reader),
    metadata: readMetadata(reader),
    recentGrants: readList(reader, () => ({
      attemptId: readAmount(reader),
      attachment: reader.string(),
    })),
  };
}

function writeAttempt(writer: BinaryWriter, attempt: Attempt): void {
  writeAmount(writer, attempt.id);
  writer.string(attempt.name).string(attempt.requestId).uint32(attempt.fingerprint);
  writer.string(attempt.sessionId).bool(attempt.implicit);
  writeAmount(writer, attempt.ttlMs);
  writer.string(attempt.ownerId);
  writeMetadata(writer, attempt.metadata);
  writer.double(attempt.startedAtMs).double(attempt.finishedAtMs).double(attempt.deadlineMs);
  writer.string(attempt.attachment);
  writeOutcome(writer, attempt.outcome);
}

function readAttempt(reader: BinaryReader): Attempt {
  const id = readAmount(reader);
  return {
    id,
    order: id,
    heapIndex: -1,
    previous: undefined,
    next: undefined,
    name: reader.string(),
    requestId: reader.string(),
    fingerprint: reader.uint32(),
    sessionId: reader.string(),
    implicit: reader.bool(),
    ttlMs: readAmount(reader),
    ownerId: reader.string(),
    metadata: readMetadata(reader),
    startedAtMs: readMs(reader),
    finishedAtMs: readMs(reader),
    deadlineMs: readMs(reader),
    attachment: reader.string(),
    outcome: readOutcome(reader),
  };
}

function writeOutcome(writer: BinaryWriter, outcome: AttemptOutcome): void {
  writer.uint32(OUTCOMES.indexOf(outcome.kind));
  if (outcome.kind === 'granted') {
    writeAmount(writer, outcome.token);
    writeAmount(writer, outcome.holdCount);
  }
  if (outcome.kind === 'notAcquired') writeAmount(writer, outcome.queuePosition);
}

function readOutcome(reader: BinaryReader): AttemptOutcome {
  const kind = OUTCOMES[reader.uint32()];
  switch (kind) {
    case undefined:
      throw new RangeError('unknown outcome of an attempt');
    case 'granted':
      return { kind, token: readAmount(reader), holdCount: readAmount(reader) };
    case 'notAcquired':
      return { kind, queuePosition: readAmount(reader) };
    default:
      return { kind };
  }
}
