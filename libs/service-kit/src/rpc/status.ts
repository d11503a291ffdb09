import type { Metadata } from '@grpc/grpc-js';
import { Code, codeName, ServiceError, toCode, type ErrorDetails } from '@raftway/errors';
import { decodeDetails, DETAILS_KEY } from './error-details';

/** What grpc-js rejects a call with. */
export interface ReceivedStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata?: Metadata | undefined;
}

/** What the client adds to each error's metadata. */
export interface AttemptFacts {
  readonly target: string;
  readonly method: string;
  readonly attempts: number;
  readonly elapsedMs: number;
}

/** A received status as a ServiceError; one without details gets the code's name as its reason. */
export function fromStatus(status: ReceivedStatus, facts: AttemptFacts): ServiceError {
  const code = toCode(status.code);
  const bytes = status.metadata?.get(DETAILS_KEY)[0];
  const decoded = bytes === undefined || typeof bytes === 'string' ? {} : decodeDetails(bytes);
  const oversize = code === Code.resourceExhausted ? oversizeFacts(status.details) : undefined;
  const { reason = oversize === undefined ? codeName(code) : 'MESSAGE_TOO_LARGE', ...rest } =
    decoded;
  return new ServiceError({
    ...rest,
    code,
    reason,
    message: status.details,
    metadata: { ...oversize, ...decoded.metadata, ...attemptMetadata(facts) },
    cause: status instanceof Error ? status : undefined,
  });
}

/** A failure that this side decided on, with the same facts as a received one. */
export function localError(
  code: Code,
  reason: string,
  message: string,
  facts: AttemptFacts,
  details: ErrorDetails = {},
): ServiceError {
  return new ServiceError({ ...details, code, reason, message, metadata: attemptMetadata(facts) });
}

function attemptMetadata(facts: AttemptFacts): Record<string, string> {
  return {
    target: facts.target,
    method: facts.method,
    attempts: String(facts.attempts),
    elapsedMs: String(Math.round(facts.elapsedMs)),
  };
}

/** A server that is not ours, and grpc-js for a large answer, has both numbers in its text alone. */
function oversizeFacts(details: string): { limit: string; size: string } | undefined {
  const match = /message larger than max \((\d+) vs\.? (\d+)\)/i.exec(details);
  const [, size, limit] = match ?? [];
  return size === undefined || limit === undefined ? undefined : { limit, size };
}
