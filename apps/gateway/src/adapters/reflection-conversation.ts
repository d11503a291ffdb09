import { reflectionV1 } from '@raftway/contracts';
import { Code, codeName, toCode } from '@raftway/errors';
import {
  type ClientConnection,
  type EngineStream,
  frameMessage,
  type HeaderPairs,
  http2Code,
  MessageReader,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { grpcStatusOf } from '../domain/status-mapping';

/** One answer: a file with what it imports. */
const answerBytesMax = 8 * 1024 * 1024;

export type ReflectionQuestion = NonNullable<
  reflectionV1.ServerReflectionRequest['messageRequest']
>;

/** Why there are no further answers. */
export class ReflectionError extends Error {
  constructor(
    readonly code: Code,
    detail: string,
  ) {
    super(`${codeName(code)}: ${detail}`);
    this.name = 'ReflectionError';
  }
}

interface Waiting {
  readonly resolve: (files: Uint8Array[]) => void;
  readonly reject: (error: Error) => void;
}

/** Questions to an instance's server reflection and its answers in turn, on one stream. */
export class ReflectionConversation implements StreamListener {
  private readonly stream: EngineStream;
  private readonly reader = new MessageReader(
    answerBytesMax,
    (bytes) => new RangeError(`an answer of ${bytes} bytes; at most ${answerBytesMax} are taken`),
  );
  private headers: HeaderPairs = [];
  private waiting: Waiting | undefined;
  private failure: Error | undefined;

  constructor(connection: ClientConnection, headers: HeaderPairs) {
    this.stream = connection.open(headers, false, this);
  }

  /** Yields encoded files: none when the instance does not know them. @throws ReflectionError when the conversation is over */
  ask(messageRequest: ReflectionQuestion): Promise<Uint8Array[]> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure);
      this.waiting = { resolve, reject };
      const question = { host: '', messageRequest };
      this.stream.sendData(
        frameMessage(reflectionV1.ServerReflectionRequest.encode(question).finish()),
      );
    });
  }

  /** Ends it. @param error for the question that waits */
  end(error: Error): void {
    this.stream.reset(http2Code.cancel);
    this.fail(error);
  }

  onHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    this.headers = headers;
    if (endOfStream) this.conclude(headers);
  }

  onData(chunk: Uint8Array): void {
    this.stream.release(chunk.length);
    try {
      this.reader.push(chunk);
      for (let next = this.reader.next(); next !== undefined; next = this.reader.next())
        this.answer(next.bytes);
    } catch (error) {
      this.end(error as Error);
    }
  }

  onEnd(trailers: HeaderPairs | undefined): void {
    this.conclude(trailers ?? this.headers);
  }

  onSent(): void {}

  onReset({ detail }: StreamReset): void {
    this.fail(new ReflectionError(Code.unavailable, detail));
  }

  onClosed(): void {}

  private answer(bytes: Buffer): void {
    const { messageResponse } = reflectionV1.ServerReflectionResponse.decode(bytes);
    const found = messageResponse?.$case === 'fileDescriptorResponse';
    this.waiting?.resolve(found ? messageResponse.value.fileDescriptorProto : []);
    this.waiting = undefined;
  }

  private conclude(trailers: HeaderPairs): void {
    const { code, message } = grpcStatusOf(trailers);
    this.fail(new ReflectionError(toCode(code), message === '' ? 'the stream has ended' : message));
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.waiting?.reject(this.failure);
    this.waiting = undefined;
  }
}
