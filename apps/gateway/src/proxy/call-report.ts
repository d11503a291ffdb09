import { codeName } from '@raftway/errors';
import { headerValue } from '@raftway/http2';
import { CallSpan, isTracing } from '@raftway/observability';
import { type ProxyCallStart } from './call-start';
import { type ProxyContext } from './proxy-context';

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
  /** Of the gateway's own span; undefined when it has none. */
  readonly traceId?: string | undefined;
}

/** The span of a call, from its headers to its status: a child of the client's span, and the parent of the instance's. Undefined when nobody traces. */
export function startSpan({ route, method, headers }: ProxyCallStart): CallSpan | undefined {
  if (!isTracing()) return undefined;
  const read = (name: string): string | undefined => headerValue(headers, name);
  return CallSpan.server(tracer, `${route.grpcService}/${method}`, read);
}

/** Counts a call, ends its span, completes its record and writes its debug line. */
export function reportCall(
  { observer, logger }: Pick<ProxyContext, 'observer' | 'logger'>,
  span: CallSpan | undefined,
  start: ProxyCallStart,
  outcome: CallOutcome,
): void {
  const { code, attempts, instance, durationMs } = outcome;
  const { route, rule, method, clientAddress } = start;
  observer.onCallEnd(route.grpcService, code, durationMs);
  if (rule !== undefined) observer.onRuleCallEnd(rule, route.service, code, durationMs);
  const traceFields = span?.traceFields;
  const status = code === 0 ? 'OK' : codeName(code);
  if (span !== undefined) {
    describe(span, start, outcome);
    span.end(status);
  }
  start.record?.noteOutcome(start, { ...outcome, traceId: traceFields?.trace_id });
  if (!logger.debugEnabled) return;
  logger.debug('call', {
    grpcService: route.grpcService,
    method,
    rule: rule && `${rule.document} ${rule.name}`,
    backend: route.service,
    status,
    reason: outcome.reason,
    durationMs,
    attempts,
    instance,
    clientAddress,
    ...traceFields,
  });
}

/** What tells a call from others of its method. */
function describe(
  span: CallSpan,
  { route, rule }: ProxyCallStart,
  { attempts, instance, reason }: CallOutcome,
): void {
  span.setAttribute('raftway.gateway.backend', route.service);
  span.setAttribute('raftway.gateway.attempts', attempts);
  span.setAttribute('raftway.gateway.retries', Math.max(0, attempts - 1));
  if (instance !== undefined) span.setAttribute('raftway.gateway.instance', instance);
  if (reason !== '') span.setAttribute('raftway.gateway.reason', reason);
  if (rule === undefined) return;
  span.setAttribute('raftway.gateway.route', rule.document);
  span.setAttribute('raftway.gateway.rule', rule.name);
}
