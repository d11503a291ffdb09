import { id } from '@raftway/contracts';
import { invalidArgument, limitViolation, type FieldViolation } from '@raftway/errors';
import { IdError, inspectSnowflake, type InspectedSnowflake } from '@raftway/ids';
import { IDS_COUNT_MAX, SEQUENCE_COUNT_MAX, SEQUENCE_NAME_LENGTH_MAX } from '../domain/limits';

const REQUEST_ID_LENGTH_MAX = 128;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** How many ids to make; 0 stands for the default, 1. @throws ServiceError INVALID_ARGUMENT */
export function validIdsRequest(request: id.GenerateIdsRequest): number {
  const violations = countViolations(request.count, IDS_COUNT_MAX);
  const { UNSPECIFIED, SNOWFLAKE } = id.IdFormat;
  if (request.format !== UNSPECIFIED && request.format !== SNOWFLAKE) {
    violations.push(limitViolation('format', 'a known IdFormat', request.format));
  }
  check(violations);
  return request.count === 0 ? 1 : request.count;
}

/** What an id's text stands for. @throws ServiceError INVALID_ARGUMENT */
export function validIdText(text: string): InspectedSnowflake {
  if (text === '') throw invalidArgument({ field: 'text', description: 'is required' });
  try {
    return inspectSnowflake(text);
  } catch (error) {
    if (!(error instanceof IdError)) throw error;
    const { field, limit, value } = error.details;
    const description = error.message.replace(`${field} `, '');
    throw invalidArgument({ field, description }, { metadata: { limit, value } });
  }
}

/** A NextSequence request with its defaults filled in. */
export interface ValidSequenceRequest {
  readonly name: string;
  readonly count: number;
  readonly requestId: string;
}

/** @throws ServiceError INVALID_ARGUMENT with one violation for each bad field. */
export function validSequenceRequest(request: id.NextSequenceRequest): ValidSequenceRequest {
  const { name, requestId } = request;
  const violations = countViolations(request.count, SEQUENCE_COUNT_MAX);
  if (name === '') violations.push({ field: 'name', description: 'is required' });
  violations.push(...textViolations('name', name, SEQUENCE_NAME_LENGTH_MAX));
  violations.push(...textViolations('request_id', requestId, REQUEST_ID_LENGTH_MAX));
  check(violations);
  return { name, requestId, count: request.count === 0 ? 1 : request.count };
}

function countViolations(count: number, countMax: number): FieldViolation[] {
  return count > countMax ? [limitViolation('count', countMax, count)] : [];
}

function textViolations(field: string, text: string, lengthMax: number): FieldViolation[] {
  // A character is one or two UTF-16 units: count only where it can matter.
  const length = text.length > lengthMax ? [...text].length : text.length;
  if (length > lengthMax) {
    return [limitViolation(field, `at most ${lengthMax} characters`, length)];
  }
  return CONTROL_CHARACTER.test(text)
    ? [{ field, description: 'must not contain control characters' }]
    : [];
}

function check(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalidArgument(violations);
}
