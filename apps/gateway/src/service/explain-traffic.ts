import { type gateway } from '@raftway/contracts';
import { codeName, type ServiceError } from '@raftway/errors';
import { type HeaderPairs } from '@raftway/http2';
import { toDuration } from '@raftway/service-kit';
import { type CompiledRule, isForCall, type RuleBackend } from '../domain/documents';
import { type GrpcPath } from '../domain/grpc-path';
import * as refusal from '../domain/refusal';
import { type RoutingTable } from '../domain/routing-table';
import { ruleHeader, ruleText } from '../proxy/document-routing';
import { type Sessions } from '../proxy/sessions';
import { sessionRoute } from '../proxy/traffic-control';

/** What {@link explainTraffic} looks at. */
export interface TrafficContext {
  readonly table: RoutingTable;
  readonly sessions: Sessions;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** What a rule does to a call beside routing it. */
export interface TrafficExplanation {
  /** Undefined when it only routes. */
  readonly message: gateway.TrafficControl | undefined;
  /** The backends that the call may go to: the session's, or those with a weight. */
  readonly backends: readonly RuleBackend[];
  /** What every such call ends with on purpose; undefined for nothing. */
  readonly error: ServiceError | undefined;
}

/** Explains mirrors, faults and the session of one call. */
export function explainTraffic(
  rule: CompiledRule,
  path: GrpcPath,
  headers: HeaderPairs,
  context: TrafficContext,
): TrafficExplanation {
  const weighted = rule.backends.filter(({ weight }) => weight > 0);
  if (rule.traffic === undefined)
    return { message: undefined, backends: weighted, error: undefined };
  const { fault, session } = rule.traffic;
  const { table, sessions, wallMs } = context;
  const read = (name: string): string | undefined => ruleHeader(headers, name);
  const ownFault =
    fault && isForCall(fault, path.grpcService, path.method, read) ? fault : undefined;
  const { token } = (session && sessions.read(session, headers, wallMs())) ?? {};
  const kept = token && sessionRoute(sessions, token, rule, path.grpcService, table);
  const instance = token && kept && sessions.instanceOf(token, kept.route);
  const backends = kept === undefined ? weighted : [kept.backend];
  const { code, message } = ownFault?.abort?.percent === 100 ? ownFault.abort : {};
  return {
    message: {
      mirrors: backends.flatMap((backend) => mirrorMessages(backend, table)),
      fault: ownFault && {
        policy: ownFault.document,
        delay: ownFault.delay && toDuration(ownFault.delay.ms),
        delayPercent: ownFault.delay?.percent ?? 0,
        abortCode: ownFault.abort === undefined ? '' : codeName(ownFault.abort.code),
        abortPercent: ownFault.abort?.percent ?? 0,
      },
      session: session && {
        type: session.type,
        name: session.name,
        absoluteTimeout: durationOf(session.absoluteMs),
        idleTimeout: durationOf(session.idleMs),
        service: kept?.backend.service ?? '',
        instanceId: instance?.instanceId ?? '',
      },
    },
    backends,
    error:
      code === undefined
        ? undefined
        : refusal.faultInjected(code, message, ownFault?.document ?? '', ruleText(rule)),
  };
}

function mirrorMessages(
  { service: backend, mirrors = [] }: RuleBackend,
  table: RoutingTable,
): gateway.CallMirror[] {
  return mirrors.map(({ service, share, fault }) => ({
    backend,
    service,
    percent: share * 100,
    fault: fault?.message ?? '',
    liveInstances: table.liveInstancesOf(service).length,
  }));
}

function durationOf(milliseconds: number | undefined): gateway.CallSession['idleTimeout'] {
  return milliseconds === undefined ? undefined : toDuration(milliseconds);
}
