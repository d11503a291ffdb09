import { BinaryReader, DecodeError } from '../state-machine/binary-reader';
import { BinaryWriter } from '../state-machine/binary-writer';
import {
  type AppendEntries,
  type Entry,
  EntryKind,
  type ForwardProposalsReply,
  type Message,
  type Proposal,
  type ServerId,
  type Term,
} from '../core';
import { decodeEntry, encodeEntry, ENCODED_ENTRY_BYTES_MIN } from '../storage/entry-codec';
import { readSnapshotMetadata, writeSnapshotMetadata } from '../storage/snapshot-file';
import { hintFormatOf, readHints, TRACE_BYTES, writeHints } from './message-hints';

/**
 * Messages between servers as bytes (little-endian). A batch is `u8 format version`, then messages until the end:
 *
 *     u8 type · u64 from · u64 to · u64 term · fields in the order of core/messages.ts
 *
 * Numbers of types and refusals are part of the protocol: they never change, new ones are added. Decoding trusts nothing: see BinaryReader.
 */
export const MESSAGE_FORMAT = 5;
/** The oldest that is spoken. It has no hints in heartbeats and their answers: those are left out towards replicas that know no other. */
export const MESSAGE_FORMAT_OLDEST = 2;

const TYPES = [
  'requestVote',
  'requestVoteReply',
  'appendEntries',
  'appendEntriesReply',
  'heartbeat',
  'heartbeatReply',
  'installSnapshot',
  'installSnapshotReply',
  'timeoutNow',
  'transferLeadership',
  'forwardProposals',
  'forwardProposalsReply',
  'readIndexRequest',
  'readIndexReply',
] as const satisfies readonly Message['type'][];

const TYPE_NUMBERS = new Map<Message['type'], number>(TYPES.map((type, at) => [type, at + 1]));

/** Position 0 stands for "not refused". */
const REFUSALS = [undefined, 'noLeader', 'notLeader', 'transferring', 'queueFull'] as const;

const KINDS: ReadonlySet<number> = new Set(Object.values(EntryKind));
const PROPOSAL_BYTES_MIN = 8 + 1 + 8 + 2 + 4;

/** About how many bytes a message takes on the wire; for queue limits. */
export function estimateMessageBytes(message: Message): number {
  let bytes = 64;
  if (message.type === 'appendEntries') {
    for (const entry of message.entries) bytes += entry.payload.length + ENCODED_ENTRY_BYTES_MIN;
  } else if (message.type === 'forwardProposals') {
    for (const { payload, trace } of message.proposals) {
      bytes += payload.length + PROPOSAL_BYTES_MIN + (trace === undefined ? 0 : TRACE_BYTES);
    }
  }
  return bytes;
}

/**
 * A batch as bytes.
 *
 * @param format the newest one that the receiver understands, see {@link MESSAGE_FORMAT_OLDEST}.
 */
export function encodeMessages(
  messages: readonly Message[],
  capacityBytes = 256,
  format = MESSAGE_FORMAT,
): Buffer {
  const writer = new BinaryWriter(capacityBytes + messages.length * 64);
  // Whoever says nothing that is new in a format is understood by those that do not know it, and spares its bytes.
  const written = Math.min(format, hintFormatOf(messages));
  writer.u8(written);
  for (const message of messages) {
    writer.u8(TYPE_NUMBERS.get(message.type) as number);
    writer.uint53(message.from).uint53(message.to).uint53(message.term);
    writeFields(writer, message);
    writeHints(writer, message, written);
  }
  return writer.finish();
}

/**
 * A batch from bytes. Entries and payloads share memory with the input.
 *
 * @throws DecodeError on anything that is not a batch of messages that this version understands.
 */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const reader = new BinaryReader(bytes);
  const version = reader.u8();
  if (version < MESSAGE_FORMAT_OLDEST || version > MESSAGE_FORMAT) {
    const known = `only ${MESSAGE_FORMAT_OLDEST} to ${MESSAGE_FORMAT}`;
    throw new DecodeError(`message format ${version} is not understood, ${known}`);
  }
  const messages: Message[] = [];
  while (reader.remaining > 0) {
    messages.push(readHints(reader, readMessage(reader), version));
  }
  return messages;
}

function writeFields(writer: BinaryWriter, message: Message): void {
  switch (message.type) {
    case 'requestVote':
      writer.u8(message.preVote ? 1 : 0);
      writer.uint53(message.lastLogIndex).uint53(message.lastLogTerm);
      writer.u8(message.leadershipTransfer ? 1 : 0);
      return;
    case 'requestVoteReply':
      writer.u8(message.preVote ? 1 : 0).u8(message.granted ? 1 : 0);
      writer.uint53(message.suspectRun ?? 0);
      return;
    case 'appendEntries':
      writeAppendEntries(writer, message);
      return;
    case 'appendEntriesReply':
      writer.u8(message.success ? 1 : 0);
      writer.uint53(message.matchIndex).uint53(message.hintIndex).uint53(message.hintTerm);
      writer.uint53(message.suspectRun ?? 0);
      return;
    case 'heartbeat':
      writer.uint53(message.leaderCommit).uint53(message.round);
      writer.uint53(message.readmittedRun ?? 0);
      return;
    case 'heartbeatReply':
      writer.uint53(message.round).uint53(message.suspectRun ?? 0);
      return;
    case 'installSnapshot':
      writeSnapshotMetadata(writer, message.snapshot);
      return;
    case 'installSnapshotReply':
      writer.uint53(message.matchIndex).uint53(message.suspectRun ?? 0);
      return;
    case 'timeoutNow':
      return;
    case 'transferLeadership':
      writer.uint53(message.target);
      return;
    case 'forwardProposals':
      writer.uint53(message.runId).u32(message.proposals.length);
      for (const proposal of message.proposals) writeProposal(writer, proposal);
      return;
    case 'forwardProposalsReply':
      writer.uint53(message.runId);
      writeTickets(writer, message.tickets);
      writer.uint53(message.firstIndex).u8(REFUSALS.indexOf(message.refusal));
      return;
    case 'readIndexRequest':
      writer.uint53(message.runId);
      writeTickets(writer, message.tickets);
      return;
    case 'readIndexReply':
      writer.uint53(message.runId);
      writeTickets(writer, message.tickets);
      writer.uint53(message.readIndex);
      return;
  }
}

function writeAppendEntries(writer: BinaryWriter, message: AppendEntries): void {
  writer.uint53(message.prevLogIndex).uint53(message.prevLogTerm).uint53(message.leaderCommit);
  writer.u32(message.entries.length);
  for (const entry of message.entries) writer.raw(encodeEntry(entry));
}

function writeProposal(writer: BinaryWriter, proposal: Proposal): void {
  writer.uint53(proposal.ticket).u8(proposal.kind).uint53(proposal.sequence);
  writer.text(proposal.clientId).bytes(proposal.payload);
}

function writeTickets(writer: BinaryWriter, tickets: readonly number[]): void {
  writer.u32(tickets.length);
  for (const ticket of tickets) writer.uint53(ticket);
}

interface Envelope {
  readonly from: ServerId;
  readonly to: ServerId;
  readonly term: Term;
}

function readMessage(reader: BinaryReader): Message {
  const number = reader.u8();
  const type = TYPES[number - 1];
  if (type === undefined) throw new DecodeError(`message type ${number} is not understood`);
  const envelope = { from: reader.uint53(), to: reader.uint53(), term: reader.uint53() };
  return READERS[type](reader, envelope);
}

const READERS: {
  readonly [Type in Message['type']]: (
    reader: BinaryReader,
    envelope: Envelope,
  ) => Extract<Message, { type: Type }>;
} = {
  requestVote: (reader, envelope) => ({
    type: 'requestVote',
    ...envelope,
    preVote: reader.boolean(),
    lastLogIndex: reader.uint53(),
    lastLogTerm: reader.uint53(),
    leadershipTransfer: reader.boolean(),
  }),
  requestVoteReply: (reader, envelope) => ({
    type: 'requestVoteReply',
    ...envelope,
    preVote: reader.boolean(),
    granted: reader.boolean(),
    suspectRun: reader.uint53(),
  }),
  appendEntries: readAppendEntries,
  appendEntriesReply: (reader, envelope) => ({
    type: 'appendEntriesReply',
    ...envelope,
    success: reader.boolean(),
    matchIndex: reader.uint53(),
    hintIndex: reader.uint53(),
    hintTerm: reader.uint53(),
    suspectRun: reader.uint53(),
  }),
  heartbeat: (reader, envelope) => ({
    type: 'heartbeat',
    ...envelope,
    leaderCommit: reader.uint53(),
    round: reader.uint53(),
    readmittedRun: reader.uint53(),
  }),
  heartbeatReply: (reader, envelope) => ({
    type: 'heartbeatReply',
    ...envelope,
    round: reader.uint53(),
    suspectRun: reader.uint53(),
  }),
  installSnapshot: (reader, envelope) => ({
    type: 'installSnapshot',
    ...envelope,
    snapshot: readSnapshotMetadata(reader),
  }),
  installSnapshotReply: (reader, envelope) => ({
    type: 'installSnapshotReply',
    ...envelope,
    matchIndex: reader.uint53(),
    suspectRun: reader.uint53(),
  }),
  timeoutNow: (_reader, envelope) => ({ type: 'timeoutNow', ...envelope }),
  transferLeadership: (reader, envelope) => ({
    type: 'transferLeadership',
    ...envelope,
    target: reader.uint53(),
  }),
  forwardProposals: (reader, envelope) => {
    const runId = reader.uint53();
    const proposals: Proposal[] = [];
    for (let left = reader.count(PROPOSAL_BYTES_MIN); left > 0; left--) {
      proposals.push(readProposal(reader));
    }
    return { type: 'forwardProposals', ...envelope, runId, proposals };
  },
  forwardProposalsReply: (reader, envelope) => ({
    type: 'forwardProposalsReply',
    ...envelope,
    runId: reader.uint53(),
    tickets: readTickets(reader),
    firstIndex: reader.uint53(),
    refusal: readRefusal(reader),
  }),
  readIndexRequest: (reader, envelope) => ({
    type: 'readIndexRequest',
    ...envelope,
    runId: reader.uint53(),
    tickets: readTickets(reader),
  }),
  readIndexReply: (reader, envelope) => ({
    type: 'readIndexReply',
    ...envelope,
    runId: reader.uint53(),
    tickets: readTickets(reader),
    readIndex: reader.uint53(),
  }),
};

function readAppendEntries(reader: BinaryReader, envelope: Envelope): AppendEntries {
  const prevLogIndex = reader.uint53();
  const prevLogTerm = reader.uint53();
  const leaderCommit = reader.uint53();
  const entries: Entry[] = [];
  for (let left = reader.count(ENCODED_ENTRY_BYTES_MIN); left > 0; left--) {
    const entry = decodeEntry(reader);
    if (entry.index !== prevLogIndex + entries.length + 1) {
      throw new DecodeError(
        `entry ${entry.index} does not follow ${prevLogIndex + entries.length}`,
      );
    }
    entries.push(entry);
  }
  return { type: 'appendEntries', ...envelope, prevLogIndex, prevLogTerm, entries, leaderCommit };
}

function readProposal(reader: BinaryReader): Proposal {
  const ticket = reader.uint53();
  const kind = reader.u8();
  if (!KINDS.has(kind)) throw new DecodeError(`proposal kind ${kind} is not understood`);
  const sequence = reader.uint53();
  const clientId = reader.text();
  const payload = reader.bytes();
  return { ticket, kind: kind as EntryKind, clientId, sequence, payload };
}

function readTickets(reader: BinaryReader): number[] {
  const tickets: number[] = [];
  for (let left = reader.count(8); left > 0; left--) tickets.push(reader.uint53());
  return tickets;
}

function readRefusal(reader: BinaryReader): ForwardProposalsReply['refusal'] {
  const number = reader.u8();
  if (number >= REFUSALS.length) throw new DecodeError(`refusal ${number} is not understood`);
  return REFUSALS[number];
}
