import { registry } from '@raftway/contracts';
import {
  type BinaryReader,
  BinaryWriter,
  decodeCommandWith,
  fingerprint,
} from '@raftway/raft/state-machine';
import { type ConfigTransaction, readTransaction, writeTransaction } from './config-commands';

/** What the log holds. Requests are validated before they become one of these; what depends on state is decided when applied. */
export type Command =
  | {
      readonly kind: 'register';
      /** With every default filled in; `modifiedRevision` is ignored. */
      readonly instance: registry.Instance;
      readonly ttlMs: number;
      /**
       * Where revisions begin if this is the first registration that the group ever applies: the caller's wall clock in milliseconds. It
       * makes the revisions of a registry that lost its disks larger than those which watchers remember from before.
       */
      readonly firstRevision: number;
    }
  | { readonly kind: 'renew'; readonly leaseIds: readonly string[] }
  | { readonly kind: 'deregister'; readonly leaseId: string }
  | {
      readonly kind: 'setStatus';
      readonly leaseId: string;
      readonly status: registry.InstanceStatus;
    }
  | ConfigTransaction;

/** Raised whenever a command's bytes or its effect change. */
export const COMMAND_VERSION = 2;

/** Of all commands about instances: a replica that is not upgraded yet knows what to do with them. */
const INSTANCE_COMMAND_VERSION = 1;

/** The numbers are in every log and never change. */
const KIND = { register: 1, renew: 2, deregister: 3, setStatus: 4, configTransaction: 5 } as const;

/** An empty text's length. */
const TEXT_BYTES_MIN = 2;

/** Tells two commands about leases apart when they came with one request id. */
export function fingerprintOf(
  command: Extract<Command, { kind: 'deregister' | 'setStatus' }>,
): number {
  return command.kind === 'deregister'
    ? fingerprint('deregister', command.leaseId)
    : fingerprint('setStatus', command.leaseId, String(command.status));
}

export function encodeCommand(command: Command): Uint8Array {
  const version = command.kind === 'configTransaction' ? COMMAND_VERSION : INSTANCE_COMMAND_VERSION;
  const writer = new BinaryWriter().u8(version).u8(KIND[command.kind]);
  switch (command.kind) {
    case 'register':
      writer.bytes(registry.Instance.encode(command.instance).finish());
      writer.u32(command.ttlMs).uint53(command.firstRevision);
      break;
    case 'renew':
      writer.list(command.leaseIds, (leaseId) => writer.text(leaseId));
      break;
    case 'deregister':
      writer.text(command.leaseId);
      break;
    case 'setStatus':
      writer.text(command.leaseId).u32(command.status);
      break;
    case 'configTransaction':
      writeTransaction(writer, command);
      break;
  }
  return writer.finish();
}

/**
 * Reads a command; undefined for bytes that are none.
 *
 * @throws NewerFormatError
 */
export function decodeCommand(bytes: Uint8Array): Command | undefined {
  return bytes[0] === INSTANCE_COMMAND_VERSION
    ? decodeCommandWith(bytes, INSTANCE_COMMAND_VERSION, decodeBody)
    : decodeCommandWith(bytes, COMMAND_VERSION, decodeConfigBody);
}

function decodeConfigBody(reader: BinaryReader): Command | undefined {
  return reader.u8() === KIND.configTransaction ? readTransaction(reader) : undefined;
}

function decodeBody(reader: BinaryReader): Command | undefined {
  switch (reader.u8()) {
    case KIND.register:
      return {
        kind: 'register',
        instance: registry.Instance.decode(reader.bytes()),
        ttlMs: reader.u32(),
        firstRevision: reader.uint53(),
      };
    case KIND.renew:
      return { kind: 'renew', leaseIds: reader.list(TEXT_BYTES_MIN, () => reader.text()) };
    case KIND.deregister:
      return { kind: 'deregister', leaseId: reader.text() };
    case KIND.setStatus:
      return { kind: 'setStatus', leaseId: reader.text(), status: reader.u32() };
    default:
      return undefined;
  }
}
