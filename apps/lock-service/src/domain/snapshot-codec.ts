import {
  BinaryReader,
  BinaryWriter,
  DecodeError,
  SNAPSHOT_SLICE_BYTES,
} from '@raftway/raft/state-machine';
import { type LockTable } from './lock-table';
import { readMetadata, writeMetadata } from './metadata-codec';
import {
  type Attempt,
  type AttemptOutcome,
  type Grant,
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

/** What may change of the table while a snapshot of it is written, as it was when that was begun. Everything else is shared with the table. */
interface TableView {
  readonly sessions: readonly Session[];
  readonly deadlinesMs: Float64Array;
  readonly locks: readonly LockSnapshot[];
  readonly finished: readonly AttemptView[];
  readonly floor: number;
  readonly tokenNames: readonly string[];
  readonly tokens: readonly number[];
}

interface LockSnapshot {
  readonly name: string;
  readonly holder: LockHolder;
  readonly holdCount: number;
  readonly recentGrants: readonly Grant[];
  /** undefined: nobody waits, as for most locks. */
  readonly queue: readonly AttemptView[] | undefined;
}

interface AttemptView extends Pick<
  Attempt,
  'metadata' | 'finishedAtMs' | 'deadlineMs' | 'attachment' | 'outcome'
> {
  readonly attempt: Attempt;
}

/** Plain loops: this is the one part that holds everything up. */
function viewOf(table: LockTable): TableView {
  const sessions: Session[] = [];
  const deadlinesMs = new Float64Array(table.sessions.size);
  for (const session of table.sessions.all()) {
    deadlinesMs[sessions.length] = session.deadlineMs;
    sessions.push(session);
  }
  const locks: LockSnapshot[] = [];
  for (const { name, holder, queue } of table.held.values()) {
    const { holdCount, recentGrants } = holder;
    const waiting = queue.size === 0 ? undefined : viewAttempts(queue);
    locks.push({ name, holder, holdCount, recentGrants, queue: waiting });
  }
  const tokenNames: string[] = [];
  const tokens: number[] = [];
  for (const [name, token] of table.tokens.entries()) {
    tokenNames.push(name);
    tokens.push(token);
  }
  const finished = viewAttempts(table.attempts.finishedAttempts());
  return { sessions, deadlinesMs, locks, finished, floor: table.tokens.floor, tokenNames, tokens };
}

function viewAttempts(attempts: Iterable<Attempt>): AttemptView[] {
  const views: AttemptView[] = [];
  for (const attempt of attempts) views.push(viewAttempt(attempt));
  return views;
}

function viewAttempt(attempt: Attempt): AttemptView {
  const { metadata, finishedAtMs, deadlineMs, attachment, outcome } = attempt;
  return { attempt, metadata, finishedAtMs, deadlineMs, attachment, outcome };
}

/** The whole table at this call as bytes, in slices: the same bytes on every replica that has applied the same commands. */
export function snapshotSlices(table: LockTable, nowMs: number): Iterable<Uint8Array> {
  return encodeSlices(viewOf(table), nowMs);
}

function* encodeSlices(view: TableView, nowMs: number): Generator<Uint8Array> {
  const writer = new BinaryWriter(2 * SNAPSHOT_SLICE_BYTES).u8(SNAPSHOT_FORMAT_VERSION).f64(nowMs);
  function* list<Item>(
    items: readonly Item[],
    write: (item: Item, at: number) => void,
  ): Generator<Uint8Array> {
    writer.u32(items.length);
    for (let at = 0; at < items.length; at += 1) {
      write(items[at] as Item, at);
      if (writer.length >= SNAPSHOT_SLICE_BYTES) yield writer.take();
    }
  }
  yield* list(view.sessions, (session, at) => {
    writeSession(writer, session, view.deadlinesMs[at] as number);
  });
  yield* list(view.locks, (lock) => {
    writer.text(lock.name);
    writeHolder(writer, lock);
    writer.list(lock.queue ?? [], (attempt) => writeAttempt(writer, attempt));
  });
  yield* list(view.finished, (attempt) => writeAttempt(writer, attempt));
  writer.uint53(view.floor);
  yield* list(view.tokenNames, (name, at) => {
    writer.text(name).uint53(view.tokens[at] as number);
  });
  yield writer.take();
}

/**
 * Fills an empty table.
 *
 * @returns the log clock of the snapshot.
 * @throws Error on bytes that it does not understand.
 */
export function decodeSnapshot(bytes: Uint8Array, table: LockTable): number {
  const reader = new BinaryReader(bytes);
  const version = reader.u8();
  if (version !== SNAPSHOT_FORMAT_VERSION)
    throw new DecodeError(
      `the snapshot has format ${version}; this replica knows ${SNAPSHOT_FORMAT_VERSION}`,
    );
  const nowMs = reader.f64();
  reader.list(1, () => table.sessions.open(readSession(reader)));
  reader.list(1, () => restoreLock(reader, table));
  reader.list(1, () => table.attempts.restoreFinished(readAttempt(reader)));
  const floor = reader.uint53();
  table.tokens.restore(
    floor,
    reader.list(1, () => [reader.text(), reader.uint53()] as [string, number]),
  );
  reader.end();
  return nowMs;
}

function restoreLock(reader: BinaryReader, table: LockTable): void {
  const name = reader.text();
  const lock: HeldLock = { name, holder: readHolder(reader), queue: new WaitQueue() };
  const session = table.sessions.get(lock.holder.sessionId);
  if (session === undefined) throw new DecodeError(`lock "${name}" is held by no session`);
  session.held.add(name);
  table.held.set(name, lock);
  for (const attempt of reader.list(1, () => readAttempt(reader))) {
    table.attempts.add(attempt);
    table.enqueue(lock, attempt);
  }
}

function writeSession(writer: BinaryWriter, session: Session, deadlineMs: number): void {
  writer
    .text(session.id)
    .uint53(session.order)
    .uint53(session.ttlMs)
    .f64(deadlineMs)
    .text(session.implicitLock);
}

function readSession(reader: BinaryReader): Parameters<LockTable['sessions']['open']>[0] {
  return {
    id: reader.text(),
    order: reader.uint53(),
    ttlMs: reader.uint53(),
    deadlineMs: reader.f64(),
    implicitLock: reader.text(),
  };
}

function writeHolder(
  writer: BinaryWriter,
  { holder, holdCount, recentGrants }: LockSnapshot,
): void {
  writer
    .text(holder.sessionId)
    .text(holder.ownerId)
    .uint53(holder.token)
    .uint53(holdCount)
    .f64(holder.grantedAtMs);
  writeMetadata(writer, holder.metadata);
  writer.list(recentGrants, (grant) => {
    writer.uint53(grant.attemptId).text(grant.attachment);
  });
}

function readHolder(reader: BinaryReader): LockHolder {
  return {
    sessionId: reader.text(),
    ownerId: reader.text(),
    token: reader.uint53(),
    holdCount: reader.uint53(),
    grantedAtMs: reader.f64(),
    metadata: readMetadata(reader),
    recentGrants: reader.list(1, () => ({
      attemptId: reader.uint53(),
      attachment: reader.text(),
    })),
  };
}

function writeAttempt(writer: BinaryWriter, view: AttemptView): void {
  const { attempt } = view;
  writer
    .uint53(attempt.id)
    .text(attempt.name)
    .text(attempt.requestId)
    .u32(attempt.fingerprint)
    .text(attempt.sessionId)
    .boolean(attempt.implicit)
    .uint53(attempt.ttlMs)
    .text(attempt.ownerId);
  writeMetadata(writer, view.metadata);
  writer.f64(attempt.startedAtMs).f64(view.finishedAtMs).f64(view.deadlineMs).text(view.attachment);
  writeOutcome(writer, view.outcome);
}

function readAttempt(reader: BinaryReader): Attempt {
  const id = reader.uint53();
  return {
    id,
    order: id,
    heapIndex: -1,
    previous: undefined,
    next: undefined,
    name: reader.text(),
    requestId: reader.text(),
    fingerprint: reader.u32(),
    sessionId: reader.text(),
    implicit: reader.boolean(),
    ttlMs: reader.uint53(),
    ownerId: reader.text(),
    metadata: readMetadata(reader),
    startedAtMs: reader.f64(),
    finishedAtMs: reader.f64(),
    deadlineMs: reader.f64(),
    attachment: reader.text(),
    outcome: readOutcome(reader),
  };
}

function writeOutcome(writer: BinaryWriter, outcome: AttemptOutcome): void {
  writer.u8(OUTCOMES.indexOf(outcome.kind));
  if (outcome.kind === 'granted') {
    writer.uint53(outcome.token).uint53(outcome.holdCount);
  }
  if (outcome.kind === 'notAcquired') writer.uint53(outcome.queuePosition);
}

function readOutcome(reader: BinaryReader): AttemptOutcome {
  const kind = OUTCOMES[reader.u8()];
  switch (kind) {
    case undefined:
      throw new DecodeError('unknown outcome of an attempt');
    case 'granted':
      return { kind, token: reader.uint53(), holdCount: reader.uint53() };
    case 'notAcquired':
      return { kind, queuePosition: reader.uint53() };
    default:
      return { kind };
  }
}
