// `grpc-timeout` of the gRPC-over-HTTP/2 specification: 1 to 8 digits and a unit.
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The greatest number that eight digits hold. */
const amountMax = 99_999_999;

/** Milliseconds (with fractions) that a `grpc-timeout` value means; undefined when it is malformed. */
export function parseGrpcTimeout(value: string): number | undefined {
  const scale = unitMs[value.charAt(value.length - 1)];
  if (scale === undefined || value.length < 2 || value.length > 9) return undefined;
  let amount = 0;
  for (let index = 0; index < value.length - 1; index += 1) {
    const digit = value.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return undefined;
    amount = amount * 10 + digit;
  }
  return amount * scale;
}

/**
 * Writes a time to live as a `grpc-timeout` value, in the finest unit that has room for it and rounded down, so that a
 * backend never believes it has longer than the caller waits. At least 1 microsecond.
 */
export function formatGrpcTimeout(milliseconds: number): string {
  const microseconds = Math.max(1, Math.floor(milliseconds * 1000));
  if (microseconds <= amountMax) return `${microseconds}u`;
  if (milliseconds <= amountMax) return `${Math.floor(milliseconds)}m`;
  return `${Math.min(amountMax, Math.floor(milliseconds / 1000))}S`;
}
