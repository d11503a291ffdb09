import { Code, codeName, type CodeName } from './code';
import type { ReasonText } from './reasons';

/** Why one field of a request is refused. */
export interface FieldViolation {
  /** Path to the field in the proto's spelling, such as `instance.address` or `names[3]`. */
  readonly field: string;
  /** What is wrong, with the limit and the value in it. */
  readonly description: string;
  /** For programs, in UPPER_SNAKE_CASE. Default: none. */
  readonly reason?: string | undefined;
}

/** A limit of the caller that is used up. */
export interface QuotaViolation {
  /** Whose limit it is, such as a kind of key; never the key itself. */
  readonly subject: string;
  /** The limit with its value. */
  readonly description: string;
  /** The limit's name. */
  readonly quotaId: string;
}

/** What a {@link ServiceError} is made from. */
export interface ServiceErrorInit {
  readonly code: Code;
  /** Names the condition for programs; see reasons.ts. */
  readonly reason: ReasonText;
  /** A fact in one sentence with the values in it, safe to show to a caller. */
  readonly message: string;
  /** Facts for programs: `field`, `limit`, `value`, `target`, … Default: none. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly fieldViolations?: readonly FieldViolation[] | undefined;
  readonly quotaViolations?: readonly QuotaViolation[] | undefined;
  /** How long to wait before another attempt, in milliseconds. Default: none. */
  readonly retryDelayMs?: number | undefined;
  /** Nothing has happened, or doing it again does no harm, and another instance may take the call: see {@link ServiceError.unprocessed}. Default: false. */
  readonly unprocessed?: boolean | undefined;
  /** Kept for logs; never sent to a caller. */
  readonly cause?: unknown;
}

/** Shared by every copy of this package in a process, so that `instanceof` survives two copies and Jest's realms. */
const BRAND = Symbol.for('@raftway/errors/ServiceError');

/**
 * The one error that services and clients of the suite throw for a condition that a caller can act on. service-kit sends it as a gRPC
 * status with `google.rpc` details, and rebuilds it on the client's side.
 *
 * @example throw new ServiceError({ code: Code.notFound, reason: 'SESSION_NOT_FOUND', message: `session "${id}" has ended` });
 */
export class ServiceError extends Error {
  readonly code: Code;
  readonly reason: string;
  /** The message without the code in front of it. */
  readonly rawMessage: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fieldViolations: readonly FieldViolation[];
  readonly quotaViolations: readonly QuotaViolation[];
  readonly retryDelayMs: number | undefined;
  /**
   * A server that has not answered yet hands the call back with this error: it resets the stream with REFUSED_STREAM (RFC 9113 §8.7), upon which gRPC
   * clients and the gateway send the same call elsewhere by themselves. Never true of an error that was received.
   */
  readonly unprocessed: boolean;
  readonly [BRAND] = true;

  constructor(init: ServiceErrorInit) {
    // Where it was noticed helps no caller, and walking the stack costs more than all the rest of a refusal. A cause has its own.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(
      `${codeName(init.code)} ${init.reason}: ${init.message}`,
      init.cause === undefined ? undefined : { cause: init.cause },
    );
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'ServiceError';
    this.code = init.code;
    this.reason = init.reason;
    this.rawMessage = init.message;
    this.metadata = init.metadata ?? {};
    this.fieldViolations = init.fieldViolations ?? [];
    this.quotaViolations = init.quotaViolations ?? [];
    this.retryDelayMs = init.retryDelayMs;
    this.unprocessed = init.unprocessed ?? false;
  }

  /** The code in gRPC's spelling, such as INVALID_ARGUMENT. */
  get codeName(): CodeName {
    return codeName(this.code);
  }

  /**
   * Makes any thrown value a ServiceError. A ServiceError is returned as it is; everything else becomes INTERNAL `INTERNAL` with the
   * value as its cause and none of its text, because a text that was not written for callers may tell too much.
   */
  static from(value: unknown): ServiceError {
    if (value instanceof ServiceError) return value;
    return new ServiceError({
      code: Code.internal,
      reason: 'INTERNAL',
      message: 'the server failed; its log says why',
      cause: value,
    });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    return (value as { [BRAND]?: unknown })[BRAND] === true;
  }
}
