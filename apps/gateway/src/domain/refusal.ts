import { Code, codeName, invalidArgument, ServiceError } from '@raftway/errors';

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
export function deadlineExceeded(timeoutMs: number, waitedForConnection: boolean): ServiceError {
  const where = waitedForConnection
    ? 'waiting for a connection to an instance'
    : 'waiting for the instance';
  return new ServiceError({
    code: Code.deadlineExceeded,
    reason: 'DEADLINE_EXCEEDED',
    message: `the deadline of ${Math.round(timeoutMs * 1000) / 1000} ms passed at the gateway while ${where}`,
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

/** INVALID_ARGUMENT: a header or query parameter of a web protocol breaks its specification. */
export function parameterInvalid(field: string, rule: string, value: string): ServiceError {
  const shown = JSON.stringify(value.slice(0, 32));
  return invalidArgument({ field, description: `must be ${rule}, got ${shown}` });
}

/** INVALID_ARGUMENT `MALFORMED_REQUEST`: the body is not in the encoding that its content type names. */
export function bodyMalformed(encoding: string): ServiceError {
  return new ServiceError({
    code: Code.invalidArgument,
    reason: 'MALFORMED_REQUEST',
    message: `the body is not ${encoding}, which the content type says that it is`,
  });
}

/** The instance, or something in front of it, answered with what is no gRPC response. */
export function upstreamNotGrpc(code: Code, status: string): ServiceError {
  return new ServiceError({
    code,
    reason: 'UPSTREAM_NOT_GRPC',
    message: `the instance answered with HTTP status ${status} and no gRPC status (${codeName(code)})`,
    metadata: { http_status: status },
  });
}

/** UNIMPLEMENTED `RESPONSE_NOT_UNARY`. */
export function responseNotUnary(messages: 'no message' | 'several messages'): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'RESPONSE_NOT_UNARY',
    message: `a unary call was answered by ${messages}: call this method as a stream`,
  });
}

/** NOT_FOUND `HTTP_PATH_UNKNOWN`: no rule of any service has it. */
export function httpPathUnknown(method: string, path: string): ServiceError {
  const shown = shortened(path);
  return new ServiceError({
    code: Code.notFound,
    reason: 'HTTP_PATH_UNKNOWN',
    message: `no service is reached by ${method} ${JSON.stringify(shown)}: see /openapi.json`,
    metadata: { path: shown },
  });
}

/** UNIMPLEMENTED `HTTP_METHOD_UNKNOWN`. */
export function httpMethodUnknown(method: string, allowed: readonly string[]): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'HTTP_METHOD_UNKNOWN',
    message: `${method} does not lead anywhere here; what does: ${allowed.join(', ')}`,
    metadata: { allowed: allowed.join(',') },
  });
}

/** INVALID_ARGUMENT `MEDIA_TYPE_UNSUPPORTED`. @param header the header that says so */
export function mediaTypeUnsupported(
  header: 'content-type' | 'content-encoding',
  wanted: string,
  given: string,
): ServiceError {
  return new ServiceError({
    code: Code.invalidArgument,
    reason: 'MEDIA_TYPE_UNSUPPORTED',
    message: `${header} must be ${wanted}, got ${JSON.stringify(given.slice(0, 128))}`,
    metadata: { field: header },
  });
}

/** INTERNAL `RESPONSE_MALFORMED`: what came is no message, or is compressed although nobody asked for it. */
export function responseMalformed(what: string): ServiceError {
  return new ServiceError({
    code: Code.internal,
    reason: 'RESPONSE_MALFORMED',
    message: `the instance answered with ${what}`,
  });
}

/** UNAVAILABLE `PART_NOT_CALLABLE`: nothing, or nothing that fits, is known of a method that a CompositeRoute calls. */
export function partNotCallable(why: string): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'PART_NOT_CALLABLE',
    message: why,
    retryDelayMs,
  });
}

/** FAILED_PRECONDITION `PART_SKIPPED`: it needs the answer of a part that failed. */
export function partSkipped(part: string, needed: string): ServiceError {
  return new ServiceError({
    code: Code.failedPrecondition,
    reason: 'PART_SKIPPED',
    message: `part ${part} needs the answer of part ${needed}, which failed; it was not called`,
    metadata: { part, needed },
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

/** UNAVAILABLE `GATEWAY_STOPPING`. */
export function gatewayStopping(): ServiceError {
  return new ServiceError({
    code: Code.unavailable,
    reason: 'GATEWAY_STOPPING',
    message: 'the gateway is stopping and the time for open calls has passed',
  });
}

/** A path is as long as its sender likes. */
function shortened(path: string): string {
  return path.length > 128 ? `${path.slice(0, 128)}…` : path;
}

function isoText(milliseconds: number): string {
  // The time comes from the caller; only its spelling is made here.
  // eslint-disable-next-line no-restricted-syntax
  return new Date(milliseconds).toISOString();
}
