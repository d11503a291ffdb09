import { Code, ServiceError } from '@raftway/errors';
import type { MethodShape } from '../rpc/definition';
import type { AnyHandler, ServiceImplementation } from '../rpc/handlers';
import { okTrailers, statusTrailers } from '../rpc/status-trailers';
import { writeMessages } from '../rpc/write-messages';
import type { CallRunner, RunningCall } from './call-runner';
import type { GrpcStream } from './grpc/grpc-stream';
import { RequestQueue } from './grpc/request-queue';
import type { ServerCall } from './server-call';

// From our handlers (promises and async iterables) to messages on a stream. Responses are serialized here, inside the same try as the
// handler, so that a bad response is logged and answered like any other error of the handler.

type Handler = (request: unknown, call: ServerCall) => unknown;

/** Answers one call, from its headers on. */
export type OpenCall = (stream: GrpcStream) => void;

/** A method, ready to be called with messages as bytes. */
interface Method {
  readonly shape: MethodShape;
  readonly handler: Handler;
  readonly serialize: (message: unknown) => Buffer;
}

/** What a service's methods do with a call, by their paths. @throws TypeError for a method without a handler. */
export function adaptService(
  service: ServiceImplementation,
  runner: CallRunner,
): ReadonlyMap<string, OpenCall> {
  const methods = new Map<string, OpenCall>();
  for (const [name, shape] of Object.entries(service.definition)) {
    const handler: AnyHandler | undefined = service.handlers[name];
    if (handler === undefined) throw new TypeError(`${service.name} has no handler for ${name}`);
    const method: Method = {
      shape,
      handler: handler as unknown as Handler,
      serialize: shape.responseSerialize as (message: unknown) => Buffer,
    };
    const endless = service.endlessMethods?.includes(name) ?? false;
    const open = shape.requestStream ? openStreaming : openSingle;
    methods.set(shape.path, (stream) => open(method, stream, runner.begin(stream, endless)));
  }
  return methods;
}

/** One request: the handler runs when it and the end of the requests have come. What is wrong with it is said before. */
function openSingle(method: Method, stream: GrpcStream, running: RunningCall): void {
  let started = false;
  let request: Buffer | undefined;
  const start = (work: () => unknown): void => {
    if (started) return;
    started = true;
    answer(method, stream, running, work);
  };
  const onReadable = (): void => {
    try {
      for (let next = stream.take(); next !== undefined; next = stream.take()) {
        if (request !== undefined) throw wrongCount('a second request came');
        request = next;
      }
    } catch (error) {
      start(() => {
        throw error;
      });
    }
    if (!stream.isHalfClosed) return;
    start(() => {
      if (request === undefined) throw wrongCount('no request came');
      return method.handler(decode(method.shape, request), running.call);
    });
  };
  stream.setListener({
    onReadable: () => {
      if (!started) onReadable();
    },
    onCancelled: (reason) => {
      running.call.abort(reason);
      start(() => undefined);
    },
  });
  if (running.refusal !== undefined) start(() => undefined);
  else onReadable();
}

/** Any number of requests: the handler runs at once. */
function openStreaming(method: Method, stream: GrpcStream, running: RunningCall): void {
  const requests = new RequestQueue(stream, running.call, (bytes) => decode(method.shape, bytes));
  stream.setListener({
    onReadable: () => requests.wake(),
    onCancelled: (reason) => {
      running.call.abort(reason);
      requests.wake();
    },
  });
  answer(method, stream, running, () => method.handler(requests, running.call));
}

function answer(
  method: Method,
  stream: GrpcStream,
  running: RunningCall,
  start: () => unknown,
): void {
  const { call, refusal } = running;
  const work = async (): Promise<void> => {
    if (refusal !== undefined) throw refusal;
    if (method.shape.responseStream) return answerMany(method, stream, call, start);
    const response = await call.untilAborted(start());
    stream.send(method.serialize(response));
  };
  running.span.run(work).then(
    () => {
      running.end(undefined);
      stream.end(okTrailers(call.trailers));
    },
    (error: unknown) => {
      const answered = running.end(error);
      const isHandedBack = answered.unprocessed && stream.handBack();
      if (!isHandedBack) stream.end(statusTrailers(answered, call.trailers));
    },
  );
}

async function answerMany(
  method: Method,
  stream: GrpcStream,
  call: ServerCall,
  start: () => unknown,
): Promise<void> {
  if (call.aborted !== undefined) throw call.aborted;
  const responses = start() as AsyncIterable<unknown>;
  const outcome = await writeMessages(responses, call.signal, {
    write: (message) => stream.send(method.serialize(message)),
    room: () => stream.room(),
  });
  if (outcome === 'stopped') throw ServiceError.from(call.aborted);
}

function decode(method: MethodShape, bytes: Buffer): unknown {
  try {
    return method.requestDeserialize(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    throw new ServiceError({
      code: Code.invalidArgument,
      reason: 'MALFORMED_REQUEST',
      message: `the request is not the protobuf message that ${method.path} takes${why}`,
      metadata: { method: method.path },
      cause,
    });
  }
}

function wrongCount(what: string): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'REQUEST_MISSING',
    message: `the method takes exactly one request: ${what}`,
  });
}
