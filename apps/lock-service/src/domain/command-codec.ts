import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  expectEnd,
  readAmount,
  readList,
  readMetadata,
  writeAmount,
  writeList,
  writeMetadata,
} from './binary';
import { type LockCommand } from './commands';

/** The format that this code writes, in the first byte of every command. */
export const COMMAND_FORMAT_VERSION = 1;

/** Written to logs: a number never changes its meaning. */
const Kind = {
  openSession: 1,
  renewSessions: 2,
  closeSession: 3,
  acquire: 4,
  cancelWait: 5,
  release: 6,
  forceRelease: 7,
} as const satisfies Record<LockCommand['kind'], number>;

/** Turns a command into the bytes that are replicated. */
export function encodeCommand(command: LockCommand): Uint8Array {
  const writer = new BinaryWriter().uint32(COMMAND_FORMAT_VERSION).uint32(Kind[command.kind]);
  if ('fingerprint' in command) writer.uint32(command.fingerprint);
  switch (command.kind) {
    case 'openSession':
      writer.string(command.nonce);
      writeAmount(writer, command.ttlMs);
      break;
    case 'renewSessions':
      writeList(writer, command.sessionIds, (id) => writer.string(id));
      break;
    case 'closeSession':
      writer.string(command.sessionId);
      break;
    case 'acquire':
      writer.string(command.name).string(command.sessionId).string(command.ownerId);
      writeAmount(writer, command.ttlMs);
      writeAmount(writer, command.waitMs);
      writer.string(command.requestId).string(command.nonce);
      writeMetadata(writer, command.metadata);
      break;
    case 'cancelWait':
      writer.string(command.name);
      writeAmount(writer, command.attemptId);
      writer.string(command.attachment);
      break;
    case 'release':
      writer.string(command.name).string(command.sessionId).string(command.ownerId);
      writeAmount(writer, command.token);
      break;
    case 'forceRelease':
      writer.string(command.name).string(command.reason);
      break;
  }
  return writer.finish();
}

/**
 * Reads a command.
 *
 * @returns undefined for bytes that are no command: every replica answers those alike.
 * @throws Error when the format is newer than this code: to skip an entry that other replicas apply would make the replicas differ.
 */
export function decodeCommand(bytes: Uint8Array): LockCommand | undefined {
  try {
    const reader = new BinaryReader(bytes);
    const version = reader.uint32();
    if (version > COMMAND_FORMAT_VERSION) throw new NewerFormatError(version);
    if (version !== COMMAND_FORMAT_VERSION) return undefined;
    const command = decodeBody(reader);
    expectEnd(reader);
    return command;
  } catch (error) {
    if (error instanceof NewerFormatError) throw error;
    return undefined;
  }
}

function decodeBody(reader: BinaryReader): LockCommand {
  const kind = reader.uint32();
  switch (kind) {
    case Kind.openSession:
      return {
        kind: 'openSession',
        fingerprint: reader.uint32(),
        nonce: reader.string(),
        ttlMs: readAmount(reader),
      };
    case Kind.renewSessions:
      return { kind: 'renewSessions', sessionIds: readList(reader, () => reader.string()) };
    case Kind.closeSession:
      return {
        kind: 'closeSession',
        fingerprint: reader.uint32(),
        sessionId: reader.string(),
      };
    case Kind.acquire:
      return {
        kind: 'acquire',
        fingerprint: reader.uint32(),
        name: reader.string(),
        sessionId: reader.string(),
        ownerId: reader.string(),
        ttlMs: readAmount(reader),
        waitMs: readAmount(reader),
        requestId: reader.string(),
        nonce: reader.string(),
        metadata: readMetadata(reader),
      };
    case Kind.cancelWait:
      return {
        kind: 'cancelWait',
        name: reader.string(),
        attemptId: readAmount(reader),
        attachment: reader.string(),
      };
    case Kind.release:
      return {
        kind: 'release',
        fingerprint: reader.uint32(),
        name: reader.string(),
        sessionId: reader.string(),
        ownerId: reader.string(),
        token: readAmount(reader),
      };
    case Kind.forceRelease:
      return {
        kind: 'forceRelease',
        fingerprint: reader.uint32(),
        name: reader.string(),
        reason: reader.string(),
      };
    default:
      throw new RangeError(`no command has kind ${kind}`);
  }
}

class NewerFormatError extends Error {
  constructor(version: number) {
    super(`a command has format ${version}; this replica knows up to ${COMMAND_FORMAT_VERSION}`);
  }
}
