/** The gRPC status codes by name, with the numbers that gRPC fixes; `ok` is left out, as it is no error. */
export const Code = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

export type Code = (typeof Code)[keyof typeof Code];

const CODE_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

export type CodeName = (typeof CODE_NAMES)[number];

/** The code's name in gRPC's own spelling, such as INVALID_ARGUMENT; UNKNOWN for a number that gRPC does not define. */
export function codeName(code: number): CodeName {
  return CODE_NAMES[code] ?? 'UNKNOWN';
}

/** A received status number as a Code; unknown for 0 and for numbers that gRPC does not define. */
export function toCode(code: number): Code {
  const known = Number.isInteger(code) && code >= 1 && code < CODE_NAMES.length;
  return known ? (code as Code) : Code.unknown;
}
