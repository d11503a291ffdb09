import { type Socket } from 'node:net';
import { type ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs } from '@raftway/http2';
import { type CallIdentity } from '../domain/call-identity';
import { type CompiledRule, type TranscodeSettings } from '../domain/documents';
import { sendHttpResponse } from '../proxy/reply';

/**
 * One HTTP request that is no plain gRPC call, and the way to answer it; the same for HTTP/1.1 and HTTP/2.
 *
 * The body comes to the listener of `stream` (which has to be set before the exchange's taker returns) and is given back with `release`; the
 * answer goes out with `sendHeaders`, `sendData` and `sendEnd`, and is reported with `onSent`. Trailers are not sent over HTTP/1.1.
 */
export interface HttpExchange {
  readonly stream: EngineStream;
  /** All headers, names in lower case, `:method`, `:path`, `:scheme` and `:authority` first; nothing that is bound to the connection. */
  readonly headers: HeaderPairs;
  readonly method: string;
  /** With its query, as it came. */
  readonly path: string;
  /** Empty when there is none. */
  readonly contentType: string;
  /** Whether there is no body. */
  readonly requestEnded: boolean;
  /** The peer's IP address; empty when unknown. */
  readonly clientAddress: string;
  /** The connection's, which knows the client's certificate. */
  readonly socket?: Socket | undefined;
  /** What documents say of such requests; undefined when the options hold. */
  readonly policy?: TranscodeSettings | undefined;
  /** The rule of an HTTPRoute that has taken it; undefined for none. */
  readonly rule?: CompiledRule | undefined;
}

/** A request's target, taken apart. `query` is empty when there is none. */
export function pathAndQuery(target: string): { readonly path: string; readonly query: string } {
  const question = target.indexOf('?');
  if (question < 0) return { path: target, query: '' };
  return { path: target.slice(0, question), query: target.slice(question + 1) };
}

/** What is known of whoever makes a call. */
export interface Caller {
  /** gRPC's, of the request. */
  readonly headers: HeaderPairs;
  readonly clientAddress: string;
  readonly socket: Socket | undefined;
  /** The call's time in milliseconds; undefined when it is unlimited. */
  readonly timeoutMs: number | undefined;
}

/**
 * Has the SecurityPolicy that holds for a call judge who makes it, without making it.
 *
 * @param path of the gRPC method
 * @returns false when none holds; else one of the outcomes is told, later
 */
export type JudgeCaller = (
  path: string,
  caller: Caller,
  outcomes: {
    readonly pass: (identity: CallIdentity | undefined) => void;
    /** @param headers of the answer, beside the status */
    readonly refuse: (error: ServiceError, headers: HeaderPairs) => void;
  },
) => boolean;

/** Hands a gRPC stream to the dispatcher. @param headers gRPC's, of the request @param rule that of the exchange */
export type Dispatch = (
  stream: EngineStream,
  headers: HeaderPairs,
  requestEnded: boolean,
  clientAddress: string,
  rule: CompiledRule | undefined,
  socket: Socket | undefined,
) => void;

/** One of the protocols that calls may come in, other than gRPC. */
export interface WebProtocol {
  /** Content types of the requests that it takes. */
  readonly mediaTypes: readonly string[];
  /** Takes the exchange, as the only one; or returns false and leaves it alone. */
  open(exchange: HttpExchange): boolean;
}

/** Answers an exchange with an HTTP error and a problem document (RFC 9457). */
export function sendProblem(
  { stream }: Pick<HttpExchange, 'stream'>,
  status: number,
  title: string,
  detail: string,
  headers: HeaderPairs = [],
): void {
  const problem = { type: 'about:blank', title, status, detail };
  const body = Buffer.from(`${JSON.stringify(problem)}\n`);
  sendHttpResponse(stream, status, ['content-type', 'application/problem+json', ...headers], body);
}
