import { Code, describeReason, type ServiceError } from '@raftway/errors';
import { ExitCode } from './exit-code';

/** A command that did not do what it should, in words for whoever ran it. Never shown with a stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';

  /** What programs get instead of the message, with `--json`. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(
    /** One of {@link ExitCode}, or what a shell would say of a command that was run. */
    readonly exitCode: number,
    message: string,
    options: { readonly cause?: unknown; readonly fields?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fields = options.fields ?? { message };
  }
}

/** Reasons after which it is not known, or not yet true, that something happened. */
const UNFINISHED: readonly string[] = ['NOT_CAUGHT_UP', 'OUTCOME_UNKNOWN'];
/** Codes of a call that ended before its answer came. */
const CUT_SHORT: readonly Code[] = [Code.deadlineExceeded, Code.cancelled];

/** What a failed call means for the exit code. */
export function exitCodeOf({ code, reason }: ServiceError): ExitCode {
  if (UNFINISHED.includes(reason) || CUT_SHORT.includes(code)) return ExitCode.unfinished;
  return code === Code.unavailable ? ExitCode.unavailable : ExitCode.failed;
}

/** Facts that the client adds for logs, and that the person who made the call knows. */
const KNOWN_TO_CALLER: readonly string[] = ['attempts', 'elapsedMs', 'method', 'target'];

/** A failed call for people: code, reason, message, wrong fields, other facts, and what to do about it. */
export function describeFailure(error: ServiceError): string {
  const { metadata, fieldViolations, retryDelayMs, reason } = error;
  const lines = [headline(error)];
  for (const { field, description } of fieldViolations) lines.push(`${field}: ${description}`);
  const facts = Object.entries(metadata).filter(([key]) => !KNOWN_TO_CALLER.includes(key));
  if (facts.length > 0) lines.push(facts.map(([key, value]) => `${key}: ${value}`).join(', '));
  if (retryDelayMs !== undefined) lines.push(`may be tried again after ${retryDelayMs} ms`);
  const remedy = describeReason(reason)?.remedy;
  if (remedy !== undefined) lines.push(remedy);
  return lines.join('\n  ');
}

function headline({ codeName, reason, rawMessage, message, metadata }: ServiceError): string {
  // What the gRPC library says of it is long, and has the word in the middle.
  if (rawMessage.includes('ECONNREFUSED')) {
    return `${codeName}: nobody listens at ${metadata['target'] ?? 'the address'} (connection refused)`;
  }
  return reason === codeName ? `${codeName}: ${rawMessage}` : message;
}

/** A failed call for programs. */
export function failureToJson(error: ServiceError): Record<string, unknown> {
  const { codeName, reason, rawMessage, metadata, fieldViolations, retryDelayMs } = error;
  return { code: codeName, reason, message: rawMessage, metadata, fieldViolations, retryDelayMs };
}
