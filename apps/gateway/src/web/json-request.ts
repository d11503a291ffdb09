import { jsonItems, LineSplitter } from '@raftway/transcoding';
import { type ServiceError } from '@raftway/errors';
import { frameMessage } from '@raftway/http2';
import { type MessageLimit } from '../domain/documents';
import { bodyMalformed, limitReached } from '../domain/refusal';
import { WholeBody } from './whole-body';

/** Items of an array, each of which becomes a message; more come as lines. */
const itemsMax = 10_000;

/** Turns the body of a request into gRPC messages. */
export interface JsonRequestBody {
  /** Bytes that are held. */
  readonly waitingBytes: number;
  /** Takes a part of the body, and yields the messages that are complete, with their prefixes. @throws ServiceError when something is wrong with it */
  push(chunk: Uint8Array): Uint8Array[];
  /** The body is complete. @throws ServiceError */
  end(): Uint8Array[];
}

/** Makes a message of a body, or of a part of it. */
export type ToMessage = (body: Uint8Array) => Uint8Array;

/** One message; or, where the method takes a stream, one for each item of an array. */
export class WholeRequest implements JsonRequestBody {
  private readonly body = new WholeBody();

  constructor(
    private readonly toMessage: ToMessage,
    private readonly limit: MessageLimit,
    private readonly isStream: boolean,
  ) {}

  get waitingBytes(): number {
    return this.body.byteLength;
  }

  push(chunk: Uint8Array): Uint8Array[] {
    if (this.body.byteLength + chunk.length > this.limit.bytesMax)
      throw requestTooLarge(this.limit);
    this.body.push(chunk);
    return [];
  }

  end(): Uint8Array[] {
    const body = this.body.take();
    if (!this.isStream) return [frameMessage(this.toMessage(body))];
    if (body.length === 0) return [];
    return jsonItems(textOf(body), itemsMax).map((item) =>
      frameMessage(this.toMessage(Buffer.from(item))),
    );
  }
}

/** A message for each line. */
export class LinesRequest implements JsonRequestBody {
  private readonly lines: LineSplitter;

  constructor(
    private readonly toMessage: ToMessage,
    limit: MessageLimit,
  ) {
    this.lines = new LineSplitter(limit.bytesMax, () => requestTooLarge(limit));
  }

  get waitingBytes(): number {
    return this.lines.waitingBytes;
  }

  push(chunk: Uint8Array): Uint8Array[] {
    this.lines.push(chunk);
    return this.take();
  }

  end(): Uint8Array[] {
    this.lines.finish();
    return this.take();
  }

  private take(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let line = this.lines.next(); line !== undefined; line = this.lines.next())
      frames.push(frameMessage(this.toMessage(line)));
    return frames;
  }
}

/** Bytes as they are, a message for each part in which they come. */
export class RawRequest implements JsonRequestBody {
  readonly waitingBytes = 0;

  constructor(private readonly toMessage: ToMessage) {}

  push(chunk: Uint8Array): Uint8Array[] {
    return [frameMessage(this.toMessage(chunk))];
  }

  end(): Uint8Array[] {
    return [];
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw bodyMalformed('UTF-8');
  }
}

/** RESOURCE_EXHAUSTED `MESSAGE_TOO_LARGE`. */
export function requestTooLarge({ bytesMax, owner }: MessageLimit): ServiceError {
  return limitReached('MESSAGE_TOO_LARGE', 'request message bytes', bytesMax, owner);
}
