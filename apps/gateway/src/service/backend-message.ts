import { gateway } from '@raftway/contracts';
import { codeName } from '@raftway/errors';
import { type EjectionCause } from '@raftway/resilience';
import { toDuration } from '@raftway/service-kit';
import { type LeftOut } from '../domain/backend';
import { hedgeAfterText } from '../domain/documents';
import { type RoutePolicy } from '../domain/protection';
import { endpointKey, type Route, type RoutingTable } from '../domain/routing-table';

/** What a backend is told from. */
interface BackendContext {
  readonly table: RoutingTable;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

const whys = {
  set_aside: gateway.LeftOut_Why.SET_ASIDE,
  ejected: gateway.LeftOut_Why.EJECTED,
  unhealthy: gateway.LeftOut_Why.UNHEALTHY,
} as const;

const causes: Readonly<Record<EjectionCause, string>> = {
  consecutive: 'too many failures in a row',
  error_share: 'too large a share of failures',
};

/** A registered service as the API shows it. */
export function backendMessage(service: string, { table, nowMs }: BackendContext): gateway.Backend {
  const backend = table.backend(service);
  const now = nowMs();
  return {
    service,
    instances: table.liveInstancesOf(service).map((instance) => {
      const leftOut = backend?.leftOut(endpointKey(instance), now) ?? [];
      const { instanceId, address, weight } = instance;
      return {
        ...{ instanceId, address, weight },
        setAside: leftOut.some(({ why }) => why === 'set_aside'),
        leftOut: leftOut.map((one) => leftOutMessage(one, now)),
      };
    }),
    grpcServices: table
      .list()
      .filter((route) => route.service === service)
      .map(({ grpcService }) => grpcService),
    circuit: backend?.protection?.breaker?.state(now) ?? '',
  };
}

/** What is true of a call to one of its backends. @param calls what documents say of its route. @param isMarked whether the call says that it may run twice. */
export function explainedBackend(
  { service, grpcService, backend }: Route,
  calls: RoutePolicy | undefined,
  method: string,
  isMarked: boolean,
  context: BackendContext,
): gateway.ExplainedBackend {
  const shown = { backend: backendMessage(service, context) };
  const policy = backend.protection?.policyFor(calls);
  if (policy === undefined) return gateway.ExplainedBackend.fromPartial(shown);
  const { retry, hedging, safe } = policy;
  const { codes, attemptsMax, perTryTimeoutMs } = retry;
  return {
    ...shown,
    mayRunTwice: isMarked || safe.get(grpcService, method) === true,
    attemptsMax,
    retryCodes: [...codes].map((code) => codeName(code)),
    perTryTimeout: perTryTimeoutMs === undefined ? undefined : toDuration(perTryTimeoutMs),
    hedgesMax: hedging === undefined ? 0 : hedging.attemptsMax - 1,
    hedgeAfter: hedging === undefined ? '' : hedgeAfterText(hedging),
  };
}

/** Whether a route has an instance that may be picked: one that fails its checks is not, unless there is a panic threshold. */
export function takesCalls({ endpoints, backend }: Route): boolean {
  const panics = backend.loadBalancing.panicThresholdPercent > 0;
  const isPicked = (key: string): boolean => panics || backend.health.until(key) !== Infinity;
  return endpoints.list().some(({ key }) => isPicked(key));
}

function leftOutMessage({ why, cause, untilMs }: LeftOut, nowMs: number): gateway.LeftOut {
  return {
    why: whys[why],
    cause: why === 'ejected' ? causes[cause as EjectionCause] : cause,
    remaining: untilMs === Infinity ? undefined : toDuration(Math.ceil(untilMs - nowMs)),
  };
}
