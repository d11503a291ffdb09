/*
 * What later formats add to heartbeats, their answers and forwarded proposals, see message-codec.ts. Nothing rests on it: a replica that does not get it
 * only notices less.
 */
import {
  type Checkpoint,
  type ClockReading,
  type Freshness,
  type Message,
  PRIORITY_MAX,
  type Proposal,
  type TraceContext,
} from '../core';
import { type BinaryReader, DecodeError } from '../state-machine/binary-reader';
import type { BinaryWriter } from '../state-machine/binary-writer';

/** Adds checkpoints and readings. */
const WITH_CHECKPOINTS = 3;
/** Adds priorities (ADR 017). Only batches that say something of them are written in it. */
const WITH_PRIORITIES = 4;
/** Adds the spans that forwarded proposals belong to (ADR 024). Only batches with such a proposal are written in it. */
const WITH_TRACES = 5;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** A proposal's position in its message, and its trace context. */
export const TRACE_BYTES = 4 + TRACE_ID_BYTES + SPAN_ID_BYTES + 1;

/** In the place of a priority: the usual one. */
const NO_PRIORITY = 255;

/** The format that says everything that is in these messages. */
export function hintFormatOf(messages: readonly Message[]): number {
  if (messages.some(carriesTraces)) return WITH_TRACES;
  return messages.some(concernsPriorities) ? WITH_PRIORITIES : WITH_CHECKPOINTS;
}

function carriesTraces(message: Message): boolean {
  return message.type === 'forwardProposals' && message.proposals.some(isTraced);
}

function isTraced({ trace }: Proposal): boolean {
  return trace !== undefined;
}

function concernsPriorities(message: Message): boolean {
  if (message.type === 'heartbeat') return message.yields === true || message.trial === true;
  if (message.type !== 'heartbeatReply') return false;
  return message.priority !== undefined || message.electable === true;
}

/** Writes what `format` adds to a message. */
export function writeHints(writer: BinaryWriter, message: Message, format: number): void {
  if (format < WITH_CHECKPOINTS) return;
  if (message.type === 'forwardProposals' && format >= WITH_TRACES) {
    writeTraces(writer, message.proposals);
  }
  if (message.type === 'heartbeat') {
    writeCheckpoint(writer, message.verdict);
    writeReading(writer, message.freshness);
    if (message.freshness !== undefined) writer.uint53(message.freshness.index);
    if (format < WITH_PRIORITIES) return;
    writer.u8(message.yields === true ? 1 : 0).u8(message.trial === true ? 1 : 0);
  }
  if (message.type === 'heartbeatReply') {
    writeCheckpoint(writer, message.checkpoint);
    writeReading(writer, message.reading);
    if (format < WITH_PRIORITIES) return;
    writer.u8(message.priority ?? NO_PRIORITY).u8(message.electable === true ? 1 : 0);
  }
}

/** The message with what `format` adds to it. */
export function readHints(reader: BinaryReader, message: Message, format: number): Message {
  if (format < WITH_CHECKPOINTS) return message;
  if (message.type === 'forwardProposals' && format >= WITH_TRACES) {
    return { ...message, proposals: readTraces(reader, message.proposals) };
  }
  const tellsPriorities = format >= WITH_PRIORITIES;
  if (message.type === 'heartbeat') {
    const hints = { verdict: readCheckpoint(reader), freshness: readFreshness(reader) };
    const more = tellsPriorities ? { yields: readFlag(reader), trial: readFlag(reader) } : {};
    return { ...message, ...hints, ...more };
  }
  if (message.type === 'heartbeatReply') {
    const hints = { checkpoint: readCheckpoint(reader), reading: readReading(reader) };
    const more = tellsPriorities
      ? { priority: readPriority(reader), electable: readFlag(reader) }
      : {};
    return { ...message, ...hints, ...more };
  }
  return message;
}

/** `u32 count`, then of each traced proposal `u32 position · trace id · span id · u8 flags`, in order. */
function writeTraces(writer: BinaryWriter, proposals: readonly Proposal[]): void {
  writer.u32(proposals.filter(isTraced).length);
  for (const [position, { trace }] of proposals.entries()) {
    if (trace === undefined) continue;
    writer.u32(position);
    writer.raw(Buffer.from(trace.traceId, 'hex')).raw(Buffer.from(trace.spanId, 'hex'));
    writer.u8(trace.traceFlags);
  }
}

function readTraces(reader: BinaryReader, proposals: readonly Proposal[]): readonly Proposal[] {
  const traced = [...proposals];
  for (let left = reader.count(TRACE_BYTES); left > 0; left--) {
    const position = reader.u32();
    const proposal = traced[position];
    if (proposal === undefined) throw new DecodeError(`there is no proposal ${position}`);
    traced[position] = { ...proposal, trace: readTrace(reader) };
  }
  return traced;
}

function readTrace(reader: BinaryReader): TraceContext {
  return {
    traceId: reader.raw(TRACE_ID_BYTES).toString('hex'),
    spanId: reader.raw(SPAN_ID_BYTES).toString('hex'),
    traceFlags: reader.u8(),
  };
}

/** What is not said is left out. */
function readFlag(reader: BinaryReader): true | undefined {
  return reader.boolean() ? true : undefined;
}

function readPriority(reader: BinaryReader): number | undefined {
  const priority = reader.u8();
  if (priority === NO_PRIORITY) return undefined;
  if (priority > PRIORITY_MAX) throw new DecodeError(`priority ${priority} is not understood`);
  return priority;
}

function writeCheckpoint(writer: BinaryWriter, checkpoint: Checkpoint | undefined): void {
  writer.u8(checkpoint === undefined ? 0 : 1);
  if (checkpoint !== undefined) writer.uint53(checkpoint.index).u32(checkpoint.hash);
}

function readCheckpoint(reader: BinaryReader): Checkpoint | undefined {
  return reader.boolean() ? { index: reader.uint53(), hash: reader.u32() } : undefined;
}

function writeReading(writer: BinaryWriter, reading: ClockReading | undefined): void {
  writer.u8(reading === undefined ? 0 : 1);
  if (reading !== undefined) writer.uint53(reading.runId).f64(reading.sentAtMs);
}

function readReading(reader: BinaryReader): ClockReading | undefined {
  return reader.boolean() ? { runId: reader.uint53(), sentAtMs: reader.f64() } : undefined;
}

function readFreshness(reader: BinaryReader): Freshness | undefined {
  const reading = readReading(reader);
  return reading === undefined ? undefined : { ...reading, index: reader.uint53() };
}
