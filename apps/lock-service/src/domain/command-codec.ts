import {
  type BinaryReader,
  BinaryWriter,
  decodeCommandWith,
  DecodeError,
} from '@raftway/raft/state-machine';
import { type LockCommand } from './commands';
import { readMetadata, writeMetadata } from './metadata-codec';

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
  const writer = new BinaryWriter().u8(COMMAND_FORMAT_VERSION).u8(Kind[command.kind]);
  if ('fingerprint' in command) writer.u32(command.fingerprint);
  switch (command.kind) {
    case 'openSession':
      writer.text(command.nonce).uint53(command.ttlMs);
      break;
    case 'renewSessions':
      writer.list(command.sessionIds, (id) => writer.text(id));
      break;
    case 'closeSession':
      writer.text(command.sessionId);
      break;
    case 'acquire':
      writer
        .text(command.name)
        .text(command.sessionId)
        .text(command.ownerId)
        .uint53(command.ttlMs)
        .uint53(command.waitMs)
        .text(command.requestId)
        .text(command.nonce);
      writeMetadata(writer, command.metadata);
      break;
    case 'cancelWait':
      writer.text(command.name).uint53(command.attemptId).text(command.attachment);
      break;
    case 'release':
      writer.text(command.name).text(command.sessionId).text(command.ownerId).uint53(command.token);
      break;
    case 'forceRelease':
      writer.text(command.name).text(command.reason);
      break;
  }
  return writer.finish();
}

/**
 * Reads a command; undefined for bytes that are none.
 *
 * @throws NewerFormatError
 */
export function decodeCommand(bytes: Uint8Array): LockCommand | undefined {
  return decodeCommandWith(bytes, COMMAND_FORMAT_VERSION, decodeBody);
}

function decodeBody(reader: BinaryReader): LockCommand {
  const kind = reader.u8();
  switch (kind) {
    case Kind.openSession:
      return {
        kind: 'openSession',
        fingerprint: reader.u32(),
        nonce: reader.text(),
        ttlMs: reader.uint53(),
      };
    case Kind.renewSessions:
      return { kind: 'renewSessions', sessionIds: reader.list(1, () => reader.text()) };
    case Kind.closeSession:
      return {
        kind: 'closeSession',
        fingerprint: reader.u32(),
        sessionId: reader.text(),
      };
    case Kind.acquire:
      return {
        kind: 'acquire',
        fingerprint: reader.u32(),
        name: reader.text(),
        sessionId: reader.text(),
        ownerId: reader.text(),
        ttlMs: reader.uint53(),
        waitMs: reader.uint53(),
        requestId: reader.text(),
        nonce: reader.text(),
        metadata: readMetadata(reader),
      };
    case Kind.cancelWait:
      return {
        kind: 'cancelWait',
        name: reader.text(),
        attemptId: reader.uint53(),
        attachment: reader.text(),
      };
    case Kind.release:
      return {
        kind: 'release',
        fingerprint: reader.u32(),
        name: reader.text(),
        sessionId: reader.text(),
        ownerId: reader.text(),
        token: reader.uint53(),
      };
    case Kind.forceRelease:
      return {
        kind: 'forceRelease',
        fingerprint: reader.u32(),
        name: reader.text(),
        reason: reader.text(),
      };
    default:
      throw new DecodeError(`no command has kind ${kind}`);
  }
}
