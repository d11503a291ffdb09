/*
 * What later formats add to heartbeats and their answers, see message-codec.ts. Nothing rests on it: a replica that does not get it only notices less.
 */
import {
  type Checkpoint,
  type ClockReading,
  type Freshness,
  type Message,
  PRIORITY_MAX,
} from '../core';
import { type BinaryReader, DecodeError } from '../state-machine/binary-reader';
import type { BinaryWriter } from '../state-machine/binary-writer';

/** Adds checkpoints and readings. */
const WITH_CHECKPOINTS = 3;
/** Adds priorities (ADR 017). Only batches that say something of them are written in it. */
const WITH_PRIORITIES = 4;

/** In the place of a priority: the usual one. */
const NO_PRIORITY = 255;

/** The format that says everything that is in these messages. */
export function hintFormatOf(messages: readonly Message[]): number {
  return messages.some(concernsPriorities) ? WITH_PRIORITIES : WITH_CHECKPOINTS;
}

function concernsPriorities(message: Message): boolean {
  if (message.type === 'heartbeat') return message.yields === true || message.trial === true;
  if (message.type !== 'heartbeatReply') return false;
  return message.priority !== undefined || message.electable === true;
}

/** Writes what `format` adds to a message. */
export function writeHints(writer: BinaryWriter, message: Message, format: number): void {
  if (format < WITH_CHECKPOINTS) return;
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
