import { codeName } from '@raftway/errors';
import { headerValue } from '@raftway/http2';
import { CallSpan, isTracing, type Logger } from '@raftway/observability';
import { type ProxyCallStart } from './call-start';

const tracer = '@raftway/gateway';

/** How a call ended. */
export interface CallOutcome {
  /** gRPC status, 0 for OK. */
  readonly code: number;
  readonly reason: string;
  readonly durationMs: number;
  readonly attempts: number;
  /** The key of the instance that had it last; undefined when none had. */
  readonly instance: string | undefined;
}

/** The span of a call, from its headers to its status: a child of the client's span, and the parent of the instance's. Undefined when nobody traces. */
export function startSpan({ route, method, headers }: ProxyCallStart): CallSpan | undefined {
  if (!isTracing()) return undefined;
  const read = (name: string): string | undefined => headerValue(headers, name);
  return CallSpan.server(tracer, `${route.grpcService}/${method}`, read);
}

/** Ends the span and writes the debug line of a call. */
export function reportCall(
  logger: Logger,
  span: CallSpan | undefined,
  start: ProxyCallStart,
  outcome: CallOutcome,
): void {
  const { code, attempts, instance } = outcome;
  const traceFields = span?.traceFields;
  const status = code === 0 ? 'OK' : codeName(code);
  if (span !== undefined) {
    span.setAttribute('raftway.gateway.attempts', attempts);
    if (instance !== undefined) span.setAttribute('raftway.gateway.instance', instance);
    span.end(status);
  }
  if (!logger.debugEnabled) return;
  const { route, method, clientAddress } = start;
  logger.debug('call', {
    grpcService: route.grpcService,
    method,
    status,
    reason: outcome.reason,
    durationMs: outcome.durationMs,
    attempts,
    instance,
    clientAddress,
    ...traceFields,
  });
}
