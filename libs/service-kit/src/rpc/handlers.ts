import type { Logger } from '@raftway/observability';
import type { MethodShape, RequestOf, ResponseOf, ServiceShape } from './definition';

/** Metadata as callers see it: lower-case keys; the values of `-bin` keys are bytes. */
export interface CallMetadata {
  /** The first value of a text key. */
  get(key: string): string | undefined;
  /** All values of a text key. */
  getAll(key: string): readonly string[];
  /** The first value of a `-bin` key. */
  getBytes(key: string): Uint8Array | undefined;
}

/** Metadata to send: text values, or bytes under keys that end in `-bin`. */
export type OutgoingMetadata = Readonly<
  Record<string, string | Uint8Array | readonly (string | Uint8Array)[]>
>;

/** What a handler knows of the call that it serves. */
export interface CallContext {
  /** Full name, `/package.Service/Method`. */
  readonly method: string;
  /**
   * Aborts when the caller cancels, the deadline passes, the connection ends, or the server drains: at once for methods that were declared
   * endless, at the drain timeout for all others. Its `reason` is the ServiceError that the call ends with when the handler throws because
   * of it.
   */
  readonly signal: AbortSignal;
  /** Milliseconds that remain until the caller's deadline, never below 0; undefined when it set none. */
  readonly deadlineMs: number | undefined;
  readonly metadata: CallMetadata;
  /** Address of the other end, such as `127.0.0.1:53412`. */
  readonly peer: string;
  /** With the method as a field. */
  readonly logger: Logger;
  /** Sends the headers now. Without effect after the first response. */
  sendInitialMetadata(metadata: OutgoingMetadata): void;
  /** Adds to the trailers, also of a call that fails. */
  setTrailer(key: string, value: string | Uint8Array): void;
}

/** The handler of one method, by its kind: promises for single messages, async iterables for streams. */
export type Handler<Method extends MethodShape> = Method['requestStream'] extends true
  ? Method['responseStream'] extends true
    ? (
        requests: AsyncIterable<RequestOf<Method>>,
        call: CallContext,
      ) => AsyncIterable<ResponseOf<Method>>
    : (
        requests: AsyncIterable<RequestOf<Method>>,
        call: CallContext,
      ) => Promise<ResponseOf<Method>> | ResponseOf<Method>
  : Method['responseStream'] extends true
    ? (request: RequestOf<Method>, call: CallContext) => AsyncIterable<ResponseOf<Method>>
    : (
        request: RequestOf<Method>,
        call: CallContext,
      ) => Promise<ResponseOf<Method>> | ResponseOf<Method>;

/** A handler for each method of a service. */
export type Handlers<Service extends ServiceShape> = {
  readonly [Name in keyof Service]: Handler<Service[Name]>;
};

/** A handler whose types are forgotten: what the server's machinery works with. */
export type AnyHandler = (request: never, call: CallContext) => unknown;

/** A service with its handlers, ready for createServer. */
export interface ServiceImplementation {
  /** Full name, such as `raftway.lock.v1.LockService`. */
  readonly name: string;
  readonly definition: ServiceShape;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
  /** Methods whose calls a drain ends at its start. @default none */
  readonly endlessMethods?: readonly string[];
}
