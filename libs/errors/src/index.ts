export { Code, codeName, toCode, type CodeName } from './code';
export {
  aborted,
  alreadyExists,
  cancelled,
  deadlineExceeded,
  failedPrecondition,
  internal,
  invalidArgument,
  limitViolation,
  notFound,
  outcomeUnknown,
  outOfRange,
  permissionDenied,
  requestIdReused,
  resourceExhausted,
  unavailable,
  unimplemented,
  type ErrorDetails,
  type LimitViolation,
} from './helpers';
export { type ReasonEntry } from './reason-entry';
export { describeReason, REASONS, type Reason, type ReasonText } from './reasons';
export {
  ServiceError,
  type FieldViolation,
  type QuotaViolation,
  type ServiceErrorInit,
} from './service-error';
