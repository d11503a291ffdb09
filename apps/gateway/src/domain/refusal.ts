import { Code, ServiceError } from '@raftway/errors';
import { shortened } from './web-refusal';

export {
  bodyMalformed,
  httpMethodUnknown,
  httpPathUnknown,
  mediaTypeUnsupported,
  parameterInvalid,
  partNotCallable,
  partSkipped,
  responseMalformed,
  responseNotUnary,
  upstreamNotGrpc,
} from './web-refusal';

// Everything that the gateway itself answers instead of a backend. The reasons are listed in the README.

const retryDelayMs = 1000;

/** Who set a limit that the options say, as refusals name it. */
export const optionsOwner = 'options of the gateway';

/** UNIMPLEMENTED `PATH_NOT_CANONICAL`. */
export function pathNotCanonical(path: string): ServiceError {
  const shown = shortened(path);
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'PATH_NOT_CANONICAL',
    message: `the path ${JSON.stringify(shown)} is not /package.Service/Method`,
    metadata: { path: shown },
  });
}

/** UNIMPLEMENTED `SERVICE_UNKNOWN`: no registered service has ever claimed it. */
export function serviceUnknown(grpcService: string): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'SERVICE_UNKNOWN',
    message: `no registered service serves ${grpcService}`,
    metadata: { grpc_service: grpcService },
  });
}

/** UNIMPLEMENTED `SERVICE_NOT_ROUTED`: it belongs to one process and is never reached by name. */
export function serviceNotRouted(grpcService: string): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'SERVICE_NOT_ROUTED',
    message: `${grpcService} belongs to one process and is not routed by name: call that process`,
    metadata: { grpc_service: grpcService },
  });
}

/** UNIMPLEMENTED `METHOD_UNKNOWN`: the gateway's own service has no such method. */
export function methodUnknown(grpcService: string, method: string): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'METHOD_UNKNOWN',
    message: `${grpcService} has no method ${method}`,
    metadata: { grpc_service: grpcService, method },
  });
}

/** UNAVAILABLE `NO_LIVE_INSTANCE`, with the time since when. */
export function noLiveInstance(
  grpcService: string,
  service: string,
  sinceMs: number,
  nowMs: number,
): ServiceError {
  const since = isoText(sinceMs);
  const seconds = Math.max(0, Math.round((nowMs - sinceMs) / 1000));
  return new ServiceError({
    code: Code.unavailable,
    reason: 'NO_LIVE_INSTANCE',
    message: `no live instance of ${service}, which serves ${grpcService}, since ${since} (${seconds} s)`,
    metadata: { grpc_service: grpcService, service, since },
    retryDelayMs,
  });
}

/** UNAVAILABLE `BACKEND_UNKNOWN`: a rule sends the call to something that is no registered service. */
export function backendUnknown(service: string, rule: string, why: string): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'BACKEND_UNKNOWN',
    message: `${rule} sends this call to ${service}: ${why}`,
    metadata: { service, rule },
  });
}

/** UNAVAILABLE `ROUTE_WITHOUT_BACKEND`: a rule names no backend, or all have the weight 0. */
export function routeWithoutBackend(rule: string): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'ROUTE_WITHOUT_BACKEND',
    message: `${rule} takes this call and has no backend with a weight above 0`,
    metadata: { rule },
  });
}

/** UNAVAILABLE `DOCUMENTS_NOT_LOADED`: there are to be documents, and none could be used yet. */
export function documentsNotLoaded(): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'DOCUMENTS_NOT_LOADED',
    message: 'the documents of RAFTWAY_DOCUMENTS could not be used since the gateway started',
    retryDelayMs,
  });
}

/** FAILED_PRECONDITION `DOCUMENTS_FROM_FILES`: the admin API may not replace what files say. */
export function documentsFromFiles(path: string): ServiceError {
  return new ServiceError({
    code: Code.failedPrecondition,
    reason: 'DOCUMENTS_FROM_FILES',
    message: `this gateway takes its documents from ${path}: change them there, or ask with dry_run`,
    metadata: { path },
  });
}

/** Documents of the registry's store that somebody else has changed while they were to be replaced. */
export function documentsChanged(): ServiceError {
  return new ServiceError({
    code: Code.aborted,
    reason: 'DOCUMENTS_CHANGED',
    message:
      'the documents in the registry’s store have changed since this gateway saw them: nothing was written; look at them and apply again',
  });
}

/** Documents that were written to the registry's store and have not come back. */
export function documentsNotSeen(): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'DOCUMENTS_NOT_SEEN',
    message:
      'the documents are in the registry’s store, and this gateway has not seen them yet: it will as soon as it reaches the registry',
  });
}

/** UNAVAILABLE `INSTANCES_UNREACHABLE`: there are live instances and none could be connected to. Nothing was sent. */
export function instancesUnreachable(
  grpcService: string,
  service: string,
  attempts: number,
  detail: string,
): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'INSTANCES_UNREACHABLE',
    message: `no instance of ${service} could be connected to (${attempts} tried, the last: ${detail}); nothing was sent`,
    metadata: { grpc_service: grpcService, service, attempts: String(attempts) },
    retryDelayMs,
  });
}

/** UNAVAILABLE `UPSTREAM_LOST`: the connection broke while the call was open, so its outcome is unknown. */
export function upstreamLost(service: string, detail: string): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'UPSTREAM_LOST',
    message: `the connection to the instance of ${service} broke (${detail}); whether the call took effect is unknown`,
    metadata: { service },
  });
}

/** The instance reset the stream. */
export function upstreamReset(service: string, code: Code, name: string): ServiceError {
  return new ServiceError({
    code,
    reason: 'UPSTREAM_RESET',
    message: `the instance of ${service} reset the call with ${name}`,
    metadata: { service, http2_error: name },
  });
}

/** UNKNOWN `UPSTREAM_RESET`: the instance answered with something that is no HTTP status. */
export function upstreamStatusInvalid(service: string, status: string): ServiceError {
  return new ServiceError({
    code: Code.unknown,
    reason: 'UPSTREAM_RESET',
    message: `the instance of ${service} answered with HTTP status ${JSON.stringify(status)}, which does not exist`,
    metadata: { service },
  });
}

/** UNAVAILABLE `REGISTRY_UNAVAILABLE`: nothing is known yet. */
export function registryUnavailable(): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'REGISTRY_UNAVAILABLE',
    message: 'the gateway has not reached the registry since it started',
    retryDelayMs,
  });
}

/** DEADLINE_EXCEEDED `DEADLINE_EXCEEDED`. */
export function deadlineExceeded(
  timeoutMs: number,
  waitedFor: 'a connection to an instance' | 'the instance' | 'the word of a SecurityPolicy',
): ServiceError {
  return new ServiceError({
    code: Code.deadlineExceeded,
    reason: 'DEADLINE_EXCEEDED',
    message: `the deadline of ${Math.round(timeoutMs * 1000) / 1000} ms passed at the gateway while waiting for ${waitedFor}`,
  });
}

/** DEADLINE_EXCEEDED `DEADLINE_EXCEEDED`: while a policy kept the call back on purpose. */
export function deadlineExceededInDelay(timeoutMs: number, policy: string): ServiceError {
  return new ServiceError({
    code: Code.deadlineExceeded,
    reason: 'DEADLINE_EXCEEDED',
    message: `the deadline of ${Math.round(timeoutMs * 1000) / 1000} ms passed in a delay that ${policy} injects; nothing was sent`,
    metadata: { policy },
  });
}

/** `FAULT_INJECTED`, with the code that a policy names: the call fails on purpose. @param message undefined for one that names the policy */
export function faultInjected(
  code: Code,
  message: string | undefined,
  policy: string,
  rule: string,
): ServiceError {
  return new ServiceError({
    code,
    reason: 'FAULT_INJECTED',
    message:
      message ??
      `${policy} has a share of these calls fail, of which this is one; nothing was sent`,
    metadata: { policy, rule },
  });
}

/** INTERNAL `TIMEOUT_MALFORMED`: the grpc-timeout header breaks the specification. */
export function timeoutMalformed(value: string): ServiceError {
  return new ServiceError({
    code: Code.internal,
    reason: 'TIMEOUT_MALFORMED',
    message: `grpc-timeout must be 1 to 8 digits and one of H M S m u n, got ${JSON.stringify(value.slice(0, 32))}`,
    metadata: { field: 'grpc-timeout' },
  });
}

/** UNAVAILABLE `INSTANCES_UNHEALTHY`: they are registered, and none passes its checks. */
export function instancesUnhealthy(
  grpcService: string,
  service: string,
  count: number,
  owner: string,
): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'INSTANCES_UNHEALTHY',
    message: `of ${count} registered instances of ${service} none passes the health checks (${owner}) for ${grpcService}; nothing was sent`,
    metadata: { grpc_service: grpcService, service, field: 'healthCheck', owner },
    retryDelayMs,
  });
}

/** RESOURCE_EXHAUSTED with the limit that fired. @param owner who set it */
export function limitReached(
  reason: 'GATEWAY_MEMORY_FULL' | 'UPSTREAM_QUEUE_FULL' | 'MESSAGE_TOO_LARGE',
  limitName: string,
  limit: number,
  owner = optionsOwner,
): ServiceError {
  return new ServiceError({
    code: Code.resourceExhausted,
    reason,
    message: `${limitName} is ${limit} and used up`,
    metadata: { field: limitName, limit: String(limit), owner },
    ...(reason === 'MESSAGE_TOO_LARGE' ? {} : { retryDelayMs }),
  });
}

/** RESOURCE_EXHAUSTED: as many calls of one backend are under way, or wait, as its protection allows. */
export function backendFull(
  reason: 'BACKEND_REQUESTS_FULL' | 'BACKEND_PENDING_FULL',
  service: string,
  field: string,
  limit: number,
  owner: string,
): ServiceError {
  const what = reason === 'BACKEND_PENDING_FULL' ? 'waiting' : 'under way';
  return new ServiceError({
    code: Code.resourceExhausted,
    reason,
    message: `${service} has ${limit} calls ${what}, as many as its ${field} (${owner}) allows; nothing was sent`,
    metadata: { service, field, limit: String(limit), owner },
    retryDelayMs,
  });
}

/** RESOURCE_EXHAUSTED `BACKEND_PENDING_TIMEOUT`: no call under way ended while this one might wait. */
export function backendPendingTimeout(
  service: string,
  timeoutMs: number,
  owner: string,
): ServiceError {
  const field = 'pendingTimeout';
  return new ServiceError({
    code: Code.resourceExhausted,
    reason: 'BACKEND_PENDING_TIMEOUT',
    message: `no place among the calls to ${service} became free within its ${field} of ${timeoutMs} ms (${owner}); nothing was sent`,
    metadata: { service, field, limit: `${timeoutMs}ms`, owner },
    retryDelayMs,
  });
}

/** UNAVAILABLE `BACKEND_CIRCUIT_OPEN`: too many calls failed; it is left alone for a while. */
export function circuitOpen(service: string, owner: string, afterMs: number): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'BACKEND_CIRCUIT_OPEN',
    message: `calls to ${service} fail, so that its breaker (${owner}) lets none through; nothing was sent`,
    metadata: { service, field: 'breaker', owner },
    retryDelayMs: Math.max(1, afterMs),
  });
}

/** UNAVAILABLE `CONNECTION_TOO_OLD`. */
export function connectionTooOld(): ServiceError {
  const field = 'RAFTWAY_CONNECTION_AGE_MAX';
  return new ServiceError({
    code: Code.unavailable,
    reason: 'CONNECTION_TOO_OLD',
    message: `the client's connection has reached its ${field}, and the grace for open calls has passed: call again on another one`,
    metadata: { field, owner: optionsOwner },
  });
}

/** RESOURCE_EXHAUSTED `HEADERS_TOO_LARGE`: of a request. */
export function headersTooLarge(bytesMax: number, countMax: number): ServiceError {
  return new ServiceError({
    code: Code.resourceExhausted,
    reason: 'HEADERS_TOO_LARGE',
    message: `the headers of a call may have ${bytesMax} bytes (with 32 for each) and be ${countMax}; nothing was sent`,
    metadata: {
      field: 'RAFTWAY_HEADER_BYTES_MAX, RAFTWAY_HEADERS_MAX',
      limit: `${bytesMax}, ${countMax}`,
      owner: optionsOwner,
    },
  });
}

/** RESOURCE_EXHAUSTED `RESPONSE_HEADERS_TOO_LARGE`: the instance's are beyond the gateway's limits. */
export function responseHeadersTooLarge(service: string): ServiceError {
  return new ServiceError({
    code: Code.resourceExhausted,
    reason: 'RESPONSE_HEADERS_TOO_LARGE',
    message: `the instance of ${service} answered with more headers than RAFTWAY_HEADER_BYTES_MAX and RAFTWAY_HEADERS_MAX let through; the call may have taken effect`,
    metadata: {
      service,
      field: 'RAFTWAY_HEADER_BYTES_MAX, RAFTWAY_HEADERS_MAX',
      owner: optionsOwner,
    },
  });
}

/** DEADLINE_EXCEEDED `CALL_IDLE`: no byte moved for as long as a policy allows. */
export function callIdle(idleMs: number): ServiceError {
  return new ServiceError({
    code: Code.deadlineExceeded,
    reason: 'CALL_IDLE',
    message: `neither side sent or took anything for ${idleMs} ms, the most that timeouts.streamIdle of a policy allows`,
    metadata: { field: 'timeouts.streamIdle', limit: `${idleMs}ms` },
  });
}

/** UNAVAILABLE `GATEWAY_STOPPING`. */
export function gatewayStopping(): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'GATEWAY_STOPPING',
    message: 'the gateway is stopping and the time for open calls has passed',
  });
}

function isoText(milliseconds: number): string {
  // The time comes from the caller; only its spelling is made here.
  // eslint-disable-next-line no-restricted-syntax
  return new Date(milliseconds).toISOString();
}
