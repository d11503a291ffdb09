import type {
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  Metadata,
  ServiceError as GrpcError,
  StatusObject,
} from '@grpc/grpc-js';
import type { Writable } from 'node:stream';
import { readMessages } from '../rpc/read-messages';
import { toCallMetadata } from '../rpc/metadata';
import { writeMessages } from '../rpc/write-messages';
import type { ClientCallOptions } from './client-types';

/** One attempt at a method over a channel. Rejects with grpc-js's error, or with what a request source threw. */
export interface Attempt {
  readonly client: Client;
  readonly path: string;
  readonly deserialize: (bytes: Buffer) => unknown;
  readonly metadata: Metadata;
  /** Milliseconds since the epoch; undefined = none. */
  readonly deadlineAtMs: number | undefined;
  readonly options: ClientCallOptions;
}

type Requests = AsyncIterable<Buffer> | Iterable<Buffer>;

const identity = (bytes: Buffer): Buffer => bytes;

function callOptions({ deadlineAtMs }: Attempt): { deadline?: number } {
  return deadlineAtMs === undefined ? {} : { deadline: deadlineAtMs };
}

interface ObservableCall {
  on(event: 'metadata', listener: (metadata: Metadata) => void): unknown;
  on(event: 'status', listener: (status: StatusObject) => void): unknown;
  cancel(): void;
}

/** Passes headers and trailers on, and cancels the call when the caller's signal aborts. Yields what undoes the latter. */
function observe(call: ObservableCall, { onHeader, onTrailer, signal }: ClientCallOptions) {
  if (onHeader !== undefined) call.on('metadata', (metadata) => onHeader(toCallMetadata(metadata)));
  if (onTrailer !== undefined) {
    call.on('status', ({ metadata }) => onTrailer(toCallMetadata(metadata)));
  }
  if (signal === undefined) return () => undefined;
  const cancel = (): void => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel);
  return () => signal.removeEventListener('abort', cancel);
}

/** One request, one response. */
export function unaryAttempt(attempt: Attempt, request: Buffer): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call: ClientUnaryCall = attempt.client.makeUnaryRequest(
      attempt.path,
      identity,
      attempt.deserialize,
      request,
      attempt.metadata,
      callOptions(attempt),
      (error: GrpcError | null, response: unknown) => {
        release();
        if (error === null) resolve(response);
        else reject(error);
      },
    );
    const release = observe(call, attempt.options);
  });
}

/** Many requests, one response. */
export async function clientStreamAttempt(attempt: Attempt, requests: Requests): Promise<unknown> {
  const ended = new AbortController();
  let release: () => void = () => undefined;
  try {
    return await new Promise((resolve, reject) => {
      const call = attempt.client.makeClientStreamRequest<Buffer, unknown>(
        attempt.path,
        identity,
        attempt.deserialize,
        attempt.metadata,
        callOptions(attempt),
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
      release = observe(call, attempt.options);
      sendAll(requests, call, ended.signal, reject);
    });
  } finally {
    release();
    ended.abort();
  }
}

/** One request, many responses. */
export async function* serverStreamAttempt(
  attempt: Attempt,
  request: Buffer,
): AsyncGenerator<unknown, void, undefined> {
  const call: ClientReadableStream<unknown> = attempt.client.makeServerStreamRequest(
    attempt.path,
    identity,
    attempt.deserialize,
    request,
    attempt.metadata,
    callOptions(attempt),
  );
  const release = observe(call, attempt.options);
  yield* receiveAll(call, release);
}

/** Many requests, many responses. */
export async function* bidiAttempt(
  attempt: Attempt,
  requests: Requests,
): AsyncGenerator<unknown, void, undefined> {
  const call: ClientDuplexStream<Buffer, unknown> = attempt.client.makeBidiStreamRequest(
    attempt.path,
    identity,
    attempt.deserialize,
    attempt.metadata,
    callOptions(attempt),
  );
  const release = observe(call, attempt.options);
  const ended = new AbortController();
  const sourceFailed = new AbortController();
  sendAll(requests, call, ended.signal, (error) => sourceFailed.abort(error));
  try {
    yield* receiveAll(call, release, sourceFailed.signal);
  } finally {
    ended.abort();
  }
}

type WritableCall = Writable & { cancel(): void };

/** Sends until the source ends, which half-closes the call, or throws, which cancels it. */
function sendAll(
  requests: Requests,
  call: WritableCall,
  ended: AbortSignal,
  fail: (error: unknown) => void,
): void {
  const sink = { write: (bytes: Buffer) => call.write(bytes), room: () => room(call) };
  writeMessages(requests, ended, sink).then(
    (outcome) => {
      if (outcome === 'finished') call.end();
    },
    (error: unknown) => {
      fail(error);
      call.cancel();
    },
  );
}

/** The responses; a reader that stops early cancels the call. */
async function* receiveAll(
  call: ClientReadableStream<unknown> | ClientDuplexStream<Buffer, unknown>,
  release: () => void,
  failed: AbortSignal = new AbortController().signal,
): AsyncGenerator<unknown, void, undefined> {
  let failure: Error | undefined;
  let status: StatusObject | undefined;
  call.on('status', (received) => (status = received));
  call.on('error', (error) => (failure = error));
  try {
    yield* readMessages<unknown>(call, failed);
    if (failure !== undefined) throw failure;
  } finally {
    release();
    if (status === undefined) {
      // Node reports an error that nobody listens to as uncaught: the cancellation's own error has to go somewhere.
      call.on('error', () => undefined);
      call.cancel();
    }
  }
}

async function room(stream: Writable): Promise<void> {
  if (!stream.writableNeedDrain || stream.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}
