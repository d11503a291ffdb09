/** What is wrong: a number outside its range, or a text that is no id. The codes are stable. */
export type IdErrorCode = 'outOfRange' | 'badText';

/** What an {@link IdError} is about, for callers that turn it into a status with details. */
export interface IdErrorDetails {
  /** The argument's name. */
  readonly field: string;
  /** The largest value or length that would have been accepted, as text. */
  readonly limit: string;
  /** What was given, as text; shortened when it is long. */
  readonly value: string;
}

const VALUE_LENGTH_MAX = 40;

/** The one error that this library throws. */
export class IdError extends Error {
  override readonly name = 'IdError';
  readonly code: IdErrorCode;
  readonly details: IdErrorDetails;

  constructor(code: IdErrorCode, message: string, details: IdErrorDetails) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** An error saying that a number must be an integer between 0 and a limit. */
  static outOfRange(field: string, limit: number | bigint, value: number | bigint): IdError {
    return new IdError(
      'outOfRange',
      `${field} must be an integer from 0 to ${limit.toString()}, not ${value.toString()}`,
      { field, limit: limit.toString(), value: value.toString() },
    );
  }

  /** An error saying that a text is no id. */
  static badText(field: string, message: string, limit: string, value: string): IdError {
    const shown = value.length > VALUE_LENGTH_MAX ? `${value.slice(0, VALUE_LENGTH_MAX)}…` : value;
    return new IdError('badText', `${field} ${message}`, { field, limit, value: shown });
  }
}
