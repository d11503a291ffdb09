import { Code } from './code';
import type { ReasonText } from './reasons';
import { ServiceError, type FieldViolation, type ServiceErrorInit } from './service-error';

/** What the helpers below take beside reason and message. */
export type ErrorDetails = Pick<
  ServiceErrorInit,
  'metadata' | 'retryDelayMs' | 'unprocessed' | 'cause'
>;

/** A violation of a limit: the limit and the value are in its text, and in the error's metadata. */
export interface LimitViolation extends FieldViolation {
  readonly limit: string;
  readonly value: string;
}

/**
 * A field that is over or under its limit.
 *
 * @example limitViolation('count', 'at most 10000', 20000) // "must be at most 10000, got 20000"
 * @param limit the rule's end of the sentence "must be …".
 */
export function limitViolation(
  field: string,
  limit: string | number,
  value: string | number | bigint,
): LimitViolation {
  const rule = typeof limit === 'number' ? `at most ${limit}` : limit;
  return {
    field,
    description: `must be ${rule}, got ${value}`,
    limit: String(limit),
    value: String(value),
  };
}

/**
 * INVALID_ARGUMENT with one field violation each. The metadata names the first field, with limit and value where it has them.
 * @param violations at least one.
 */
export function invalidArgument(
  violations: FieldViolation | readonly (FieldViolation | LimitViolation)[],
  details: ErrorDetails & { readonly reason?: ReasonText } = {},
): ServiceError {
  const list = Array.isArray(violations)
    ? (violations as readonly FieldViolation[])
    : [violations as FieldViolation];
  const { reason = 'INVALID_ARGUMENT', ...rest } = details;
  const first = list[0];
  return new ServiceError({
    ...rest,
    code: Code.invalidArgument,
    reason,
    message: list.map(({ field, description }) => `${field}: ${description}`).join('; '),
    metadata: { ...(first === undefined ? {} : violationMetadata(first)), ...rest.metadata },
    fieldViolations: list.map(({ field, description, reason: why }) => ({
      field,
      description,
      reason: why,
    })),
  });
}

function violationMetadata(violation: FieldViolation): Record<string, string> {
  const metadata: Record<string, string> = { field: violation.field };
  const { limit, value } = violation as Partial<LimitViolation>;
  if (limit !== undefined) metadata['limit'] = limit;
  if (value !== undefined) metadata['value'] = value;
  return metadata;
}

type Helper = (reason: ReasonText, message: string, details?: ErrorDetails) => ServiceError;

function helper(code: Code): Helper {
  return (reason, message, details = {}) => new ServiceError({ ...details, code, reason, message });
}

/** NOT_FOUND: what the request names does not exist. */
export const notFound: Helper = helper(Code.notFound);
/** ALREADY_EXISTS: what was to be created is there. */
export const alreadyExists: Helper = helper(Code.alreadyExists);
/** FAILED_PRECONDITION: the state does not allow it, and repeating does not help. */
export const failedPrecondition: Helper = helper(Code.failedPrecondition);
/** ABORTED: lost against a concurrent change; repeat the whole read-modify-write. */
export const aborted: Helper = helper(Code.aborted);
/** OUT_OF_RANGE: beyond what is kept or counted. */
export const outOfRange: Helper = helper(Code.outOfRange);
/** RESOURCE_EXHAUSTED: a limit or queue is full; nothing happened. */
export const resourceExhausted: Helper = helper(Code.resourceExhausted);
/** UNAVAILABLE: not now; with a reason that says whether anything may have happened. */
export const unavailable: Helper = helper(Code.unavailable);
/** PERMISSION_DENIED: the caller is known and may not. */
export const permissionDenied: Helper = helper(Code.permissionDenied);
/** UNIMPLEMENTED: this server does not do that. */
export const unimplemented: Helper = helper(Code.unimplemented);

/** INVALID_ARGUMENT `REQUEST_ID_REUSED`: the request id belongs to a request that asked for something else. */
export function requestIdReused(): ServiceError {
  const description = 'was used before for a different request';
  return invalidArgument({ field: 'request_id', description }, { reason: 'REQUEST_ID_REUSED' });
}

/** UNAVAILABLE `OUTCOME_UNKNOWN`: the change may or may not have happened. */
export function outcomeUnknown(message: string, details: ErrorDetails = {}): ServiceError {
  return unavailable('OUTCOME_UNKNOWN', message, details);
}

/** DEADLINE_EXCEEDED: the time for the call ran out. */
export function deadlineExceeded(message: string, details: ErrorDetails = {}): ServiceError {
  return helper(Code.deadlineExceeded)('DEADLINE_EXCEEDED', message, details);
}

/** CANCELLED: the caller gave up. */
export function cancelled(message: string, details: ErrorDetails = {}): ServiceError {
  return helper(Code.cancelled)('CANCELLED', message, details);
}

/** INTERNAL without the cause's text, which stays for the log. */
export function internal(cause: unknown): ServiceError {
  return ServiceError.from(cause instanceof ServiceError ? { cause } : cause);
}
