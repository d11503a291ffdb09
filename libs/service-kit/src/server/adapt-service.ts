import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Readable } from 'node:stream';
import { ServiceError } from '@raftway/errors';
import type { MethodShape } from '../rpc/definition';
import type { AnyHandler, ServiceImplementation } from '../rpc/handlers';
import { readMessages } from '../rpc/read-messages';
import { toStatus } from '../rpc/status';
import { writeMessages } from '../rpc/write-messages';
import type { CallRunner, RunningCall } from './call-runner';
import { MalformedRequest, tolerantDeserializer } from './malformed-request';
import type { GrpcCall, ServerCall } from './server-call';

// From our handlers (promises and async iterables) to grpc-js's (callbacks and streams). Responses are serialized here, inside the same
// try as the handler, so that a bad response is logged and answered like any other error of the handler.

type Handler = (request: unknown, call: ServerCall) => unknown;
type Begin = (call: GrpcCall) => RunningCall;

const identity = (bytes: Buffer): Buffer => bytes;

/** A service as grpc-js's Server.addService takes it. */
export function adaptService(
  service: ServiceImplementation,
  runner: CallRunner,
): { definition: ServiceDefinition; implementation: UntypedServiceImplementation } {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service.definition)) {
    const handler = service.handlers[name];
    if (handler === undefined) throw new TypeError(`${service.name} has no handler for ${name}`);
    definition[name] = {
      ...method,
      requestSerialize: identity,
      requestDeserialize: tolerantDeserializer(method.requestDeserialize),
      responseSerialize: identity,
      responseDeserialize: method.responseDeserialize,
    };
    const endless = service.endlessMethods?.includes(name) ?? false;
    implementation[name] = adaptMethod(method, handler, (call) => runner.begin(call, endless));
  }
  return { definition, implementation };
}

function adaptMethod(
  method: MethodShape,
  anyHandler: AnyHandler,
  begin: Begin,
): UntypedServiceImplementation[string] {
  const handler = anyHandler as unknown as Handler;
  const serialize = method.responseSerialize as (message: unknown) => Buffer;
  if (method.requestStream) {
    return method.responseStream
      ? bidi(handler, serialize, begin)
      : clientStreaming(handler, serialize, begin);
  }
  return method.responseStream
    ? serverStreaming(handler, serialize, begin)
    : unary(handler, serialize, begin);
}

function unary(
  handler: Handler,
  serialize: (message: unknown) => Buffer,
  begin: Begin,
): handleUnaryCall<unknown, Buffer> {
  return (grpcCall: ServerUnaryCall<unknown, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const running = begin(grpcCall);
    answerOnce(running, callback, async () => {
      const request = checked(grpcCall.request, running.call);
      return serialize(await running.call.untilAborted(handler(request, running.call)));
    });
  };
}

function clientStreaming(
  handler: Handler,
  serialize: (message: unknown) => Buffer,
  begin: Begin,
): handleClientStreamingCall<unknown, Buffer> {
  return (stream: ServerReadableStream<unknown, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const running = begin(stream);
    answerOnce(running, callback, async () => {
      const requests = checkedRequests(stream, running.call);
      return serialize(await running.call.untilAborted(handler(requests, running.call)));
    });
  };
}

/** One message or an error: the end of unary and client-streaming calls. */
function answerOnce(
  running: RunningCall,
  callback: sendUnaryData<Buffer>,
  work: () => Promise<Buffer>,
): void {
  const { call } = running;
  if (running.refusal !== undefined) {
    callback(toStatus(running.end(running.refusal)));
    return;
  }
  running.span.run(work).then(
    (bytes) => {
      running.end(undefined);
      callback(null, bytes, call.trailers);
    },
    (error: unknown) => callback(toStatus(running.end(error), call.trailers)),
  );
}

function serverStreaming(
  handler: Handler,
  serialize: (message: unknown) => Buffer,
  begin: Begin,
): handleServerStreamingCall<unknown, Buffer> {
  return (stream: ServerWritableStream<unknown, Buffer>): void => {
    const running = begin(stream);
    answerMany(running, stream, serialize, () =>
      handler(checked(stream.request, running.call), running.call),
    );
  };
}

function bidi(
  handler: Handler,
  serialize: (message: unknown) => Buffer,
  begin: Begin,
): handleBidiStreamingCall<unknown, Buffer> {
  return (stream: ServerDuplexStream<unknown, Buffer>): void => {
    const running = begin(stream);
    answerMany(running, stream, serialize, () =>
      handler(checkedRequests(stream, running.call), running.call),
    );
  };
}

/** Any number of messages, then trailers or an error. */
function answerMany(
  running: RunningCall,
  stream: ServerWritableStream<unknown, Buffer> | ServerDuplexStream<unknown, Buffer>,
  serialize: (message: unknown) => Buffer,
  start: () => unknown,
): void {
  const { call } = running;
  const work = async (): Promise<void> => {
    if (running.refusal !== undefined) throw running.refusal;
    const responses = start() as AsyncIterable<unknown>;
    const write = (message: unknown): boolean => stream.write(serialize(message));
    const outcome = await writeMessages(responses, stream, call.signal, write);
    if (outcome === 'stopped') throw ServiceError.from(call.aborted);
  };
  running.span.run(work).then(
    () => {
      running.end(undefined);
      stream.end(call.trailers);
    },
    (error: unknown) => {
      // The way that grpc-js offers to end a stream with a status: what was written before it is still sent.
      stream.emit('error', toStatus(running.end(error), call.trailers));
    },
  );
}

function checked(request: unknown, call: ServerCall): unknown {
  if (request instanceof MalformedRequest) throw request.toError(call.method);
  return request;
}

async function* checkedRequests(
  stream: Readable,
  call: ServerCall,
): AsyncGenerator<unknown, void, undefined> {
  for await (const request of readMessages<unknown>(stream, call.signal)) {
    yield checked(request, call);
  }
}
