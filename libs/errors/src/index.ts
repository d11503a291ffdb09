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
export { describeReason, REASONS, type Reason, type ReasonEntry, type ReasonText } from './reasons';
export { ServiceError, type FieldViolation, type ServiceErrorInit } from './service-error';
