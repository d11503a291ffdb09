import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { JsonValue } from '@bufbuild/protobuf';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';
import type { Output } from '../command/output';

/** How much JSON is read at once: four times what a server of the suite takes in one message. */
const TEXT_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The requests of a call, as they were given: JSON, `@file`, or `-` for standard input. For a stream of requests it is one JSON document,
 * an array of requests, or one request a line; lines of standard input are sent as they come.
 *
 * @throws CommandError when it is no JSON.
 */
export async function* readRequests(
  given: string,
  isStream: boolean,
  input: Output['input'],
): AsyncGenerator<JsonValue, void, undefined> {
  if (given === '-' && isStream) {
    yield* linesOf(input());
    return;
  }
  const text = await textOf(given, input);
  if (!isStream) {
    yield parse(text.trim() === '' ? '{}' : text);
    return;
  }
  yield* requestsIn(text);
}

async function textOf(given: string, input: Output['input']): Promise<string> {
  if (given === '-') return await collect(input());
  if (!given.startsWith('@')) return given;
  const file = given.slice(1);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new CommandError(ExitCode.usage, `${file} cannot be read (${why})`, { cause: error });
  }
}

async function collect(pieces: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    const chunk = Buffer.from(piece as Buffer);
    bytes += chunk.length;
    if (bytes > TEXT_BYTES_MAX) {
      const message = `standard input has more than ${TEXT_BYTES_MAX} bytes`;
      throw new CommandError(ExitCode.usage, message);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* linesOf(pieces: AsyncIterable<Buffer | string>): AsyncGenerator<JsonValue> {
  for await (const line of createInterface({ input: Readable.from(pieces) })) {
    if (line.trim() !== '') yield parse(line);
  }
}

function requestsIn(text: string): JsonValue[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length > 1 && lines.every(isJson)) return lines.map(parse);
  const whole = parse(text.trim() === '' ? '[]' : text);
  return Array.isArray(whole) ? whole : [whole];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the request is no JSON: ${why}`;
    throw new CommandError(ExitCode.usage, message, { cause: error });
  }
}
