import { Code, codeName, invalidArgument, ServiceError } from '@raftway/errors';

/** When a client may try again, in milliseconds. */
const retryDelayMs = 1000;

// Refusals of the web's protocols, of JSON and of composites. Others import them from ./refusal, where all are.

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

/** A path is as long as its sender likes. */
export function shortened(path: string): string {
  return path.length > 128 ? `${path.slice(0, 128)}…` : path;
}
