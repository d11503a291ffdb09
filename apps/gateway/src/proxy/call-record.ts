import { type EngineStream, type HeaderPairs, headerValue } from '@raftway/http2';
import { type CallIdentity, type IdentityType } from '../domain/call-identity';
import { PassingStream } from '../web/passing-stream';
import { type CallOutcome } from './call-report';
import { type ProxyCallStart } from './call-start';

/** Longest text of a client's that a record keeps, and longest path: a line fits into one write to a pipe. */
const textMax = 128;
const pathMax = 256;

/** How a call came in. */
export type CallProtocol = 'grpc' | 'grpc-web' | 'connect' | 'json' | 'http';

/**
 * What becomes of one exchange with a client, for the access log. Made where it comes in, completed by whoever decides something about it. Never has the
 * value of a header that could be a secret.
 */
export class CallRecord {
  readonly requestId: string | undefined;
  readonly userAgent: string | undefined;
  readonly httpMethod: string;
  readonly path: string;
  readonly host: string;
  protocol: CallProtocol;
  httpStatus: number | undefined;
  /** gRPC status; undefined where none was decided on here. */
  code: number | undefined;
  /** Why the gateway refused or ended it; empty when the instance answered. */
  reason = '';
  firstByteMs: number | undefined;
  /** Monotonic, when the complete answer was given; undefined until then. */
  endedMs: number | undefined;
  requestBytes = 0;
  responseBytes = 0;
  grpcService: string | undefined;
  method: string | undefined;
  /** `kind namespace/name` of the document whose rule took it; undefined where what is registered decided. */
  route: string | undefined;
  rule: string | undefined;
  backend: string | undefined;
  instance: string | undefined;
  attempts = 0;
  /** How the caller has shown who it is; undefined where no SecurityPolicy holds, and where what it has shown is not good. */
  identity: IdentityType | undefined;
  principal: string | undefined;
  issuer: string | undefined;
  traceId: string | undefined;

  constructor(
    headers: HeaderPairs,
    readonly httpVersion: '1.1' | '2',
    readonly clientAddress: string,
    readonly startedMs: number,
    readonly startedWallMs: number,
    readonly forwardedFor: string | undefined,
  ) {
    const read = (name: string, lengthMax = textMax): string | undefined =>
      headerValue(headers, name)?.slice(0, lengthMax);
    this.httpMethod = read(':method') ?? '';
    // What stands behind the question mark may be anything, secrets too.
    this.path = (read(':path', pathMax) ?? '').replace(/\?.*$/s, '');
    this.host = read(':authority') ?? read('host') ?? '';
    this.requestId = read('x-request-id');
    this.userAgent = read('user-agent');
    this.protocol = protocolOf(read('content-type') ?? '', headers);
    this.traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(read('traceparent') ?? '')?.[1];
  }

  /** Whether it went wrong, by either of its statuses, or had no answer. */
  get isError(): boolean {
    const { code, httpStatus } = this;
    return (code ?? 0) !== 0 || httpStatus === undefined || httpStatus >= 400;
  }

  /** Headers or trailers that the client gets. */
  noteAnswer(headers: HeaderPairs): void {
    const status = headerValue(headers, 'grpc-status');
    if (status !== undefined) this.code ??= Number(status);
  }

  /** It ended without an instance having been asked. */
  noteRefusal(code: number, reason: string): void {
    this.code = code;
    this.reason = reason;
  }

  /** Who calls. */
  noteCaller(identity: CallIdentity | undefined): void {
    this.identity = identity?.type;
    this.principal = identity?.principal?.slice(0, textMax);
    this.issuer = identity?.issuer?.slice(0, textMax);
  }

  /** It was sent somewhere, and has ended. */
  noteOutcome({ route, method, rule }: ProxyCallStart, outcome: CallOutcome): void {
    this.noteCall(route.grpcService, method);
    this.traceId = outcome.traceId ?? this.traceId;
    this.backend = route.service;
    this.route = rule?.document;
    this.rule = rule?.name;
    this.instance = outcome.instance;
    this.attempts = outcome.attempts;
    this.noteRefusal(outcome.code, outcome.reason);
  }

  /** What was called. */
  noteCall(grpcService: string, method: string): void {
    this.grpcService = grpcService.slice(0, textMax);
    this.method = method.slice(0, textMax);
    // Of what is dispatched, only JSON may come without a media type of its own.
    if (this.protocol === 'http') this.protocol = 'json';
  }
}

/** The record of the exchange that a stream belongs to, in whichever clothes; undefined when it has none. */
export function recordOf(stream: EngineStream): CallRecord | undefined {
  return stream instanceof PassingStream ? stream.record : undefined;
}

function protocolOf(contentType: string, headers: HeaderPairs): CallProtocol {
  if (contentType.startsWith('application/grpc-web')) return 'grpc-web';
  if (contentType.startsWith('application/grpc')) return 'grpc';
  const isConnect =
    contentType.startsWith('application/connect+') ||
    contentType === 'application/proto' ||
    headerValue(headers, 'connect-protocol-version') !== undefined;
  if (isConnect) return 'connect';
  return /^application\/(x-ndjson|json)/.test(contentType) ? 'json' : 'http';
}
