import { setTimeout as delay } from 'node:timers/promises';
import type { ChannelOptions } from '@grpc/grpc-js';
import { Code, codeName, ServiceError } from '@raftway/errors';
import { CallSpan } from '@raftway/observability';
import type { MethodShape, ServiceShape } from '../rpc/definition';
import { toGrpcMetadata } from '../rpc/metadata';
import { fromStatus, localError, type AttemptFacts, type ReceivedStatus } from '../rpc/status';
import {
  bidiAttempt,
  clientStreamAttempt,
  serverStreamAttempt,
  unaryAttempt,
  type Attempt,
} from './call-attempt';
import { leaseChannel, type ChannelLease } from './channel-pool';
import type {
  ClientCallOptions,
  ClientOptions,
  ClientSettings,
  ServiceClient,
} from './client-types';
import { requestEncoder } from './request-encoder';
import { isSafeToRepeat, retryDelayMs, type RetryPolicy } from './retry-policy';
import { channelCredentials } from './tls-credentials';

/**
 * Makes a client of a service. Connecting happens with the first call. A stream's call begins when its responses are first asked for.
 *
 * Failures are ServiceError with the server's reason and details, and `target`, `method`, `attempts` and `elapsedMs` in the metadata.
 *
 * @param target `host:port`, several of them separated by commas (calls go round-robin), or any grpc-js target such as
 * `registry:///lock-service` or `dns:///host:port`.
 * @throws TypeError for a list with something else than host:port in it.
 */
export function createClient<const Service extends ServiceShape>(
  definition: Service,
  target: string,
  options: ClientOptions<Service> = {},
): ServiceClient<Service> {
  const lease = leaseChannel(
    target,
    channelCredentials(options.tls),
    channelOptions(options),
    options.shareChannel ?? true,
  );
  const methods: Record<string, unknown> = { close: lease.release };
  for (const [name, method] of Object.entries(definition)) {
    methods[name] = new MethodCaller(name, method, target, lease, options).callable();
  }
  return methods as ServiceClient<Service>;
}

const TRACER = '@raftway/service-kit';
const KEEPALIVE_TIMEOUT_MS = 10_000;

function channelOptions(options: ClientSettings): ChannelOptions {
  return {
    'grpc.keepalive_time_ms': options.keepaliveIntervalMs ?? 20_000,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_receive_message_length': options.receiveMessageBytesMax ?? 16 * 1024 * 1024,
    'grpc.max_send_message_length': -1,
    // grpc-js waits up to two minutes between attempts to connect; servers of a suite that restarts are back within seconds.
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5000,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.enable_channelz': 0,
  };
}

type Requests = AsyncIterable<unknown> | Iterable<unknown>;

class MethodCaller {
  private readonly encode: (request: unknown) => Buffer;
  private readonly policy: RetryPolicy;
  private readonly idempotent: boolean;

  constructor(
    name: string,
    private readonly method: MethodShape,
    private readonly target: string,
    private readonly lease: ChannelLease,
    private readonly options: ClientSettings,
  ) {
    this.encode = requestEncoder(method);
    this.idempotent = options.idempotentMethods?.includes(name) ?? false;
    this.policy = {
      attemptsMax: options.attemptsMax ?? 4,
      backoffInitialMs: options.backoffInitialMs ?? 50,
      backoffMaxMs: options.backoffMaxMs ?? 2000,
      random: options.random ?? Math.random,
    };
  }

  callable(): unknown {
    const { requestStream, responseStream } = this.method;
    if (requestStream && responseStream) {
      return (requests: Requests, options?: ClientCallOptions) => this.bidi(requests, options);
    }
    if (requestStream) {
      return (requests: Requests, options?: ClientCallOptions) =>
        this.clientStream(requests, options);
    }
    if (responseStream) {
      return (request: unknown, options?: ClientCallOptions) => this.serverStream(request, options);
    }
    return (request: unknown, options?: ClientCallOptions) => this.unary(request, options);
  }

  private async unary(request: unknown, options: ClientCallOptions = {}): Promise<unknown> {
    const startedMs = performance.now();
    const bytes = this.encode(request);
    return await this.spanned(async (span) => {
      const attempt = this.attempt(options, this.options.defaultTimeoutMs ?? 10_000, span);
      return await this.repeated(
        attempt,
        bytes,
        isSafeToRepeat(this.idempotent, request),
        startedMs,
      );
    });
  }

  private async repeated(
    attempt: Attempt,
    bytes: Buffer,
    repeatable: boolean,
    startedMs: number,
  ): Promise<unknown> {
    const { options } = attempt;
    for (let attempts = 1; ; attempts += 1) {
      const facts = (): AttemptFacts => this.facts(attempts, startedMs);
      this.throwIfAborted(options.signal, facts);
      try {
        return await unaryAttempt(attempt, bytes);
      } catch (error) {
        const failure = this.toError(error, options.signal, facts);
        const remainingMs = (attempt.deadlineAtMs ?? Number.POSITIVE_INFINITY) - Date.now();
        const waitMs = repeatable
          ? retryDelayMs(this.policy, failure, attempts, remainingMs)
          : undefined;
        if (waitMs === undefined) throw failure;
        await this.wait(waitMs, options.signal, facts);
      }
    }
  }

  private async clientStream(
    requests: Requests,
    options: ClientCallOptions = {},
  ): Promise<unknown> {
    const startedMs = performance.now();
    const facts = (): AttemptFacts => this.facts(1, startedMs);
    this.throwIfAborted(options.signal, facts);
    return await this.spanned(async (span) => {
      const attempt = this.attempt(options, this.options.defaultTimeoutMs ?? 10_000, span);
      try {
        return await clientStreamAttempt(attempt, this.encodeAll(requests));
      } catch (error) {
        throw this.toError(error, options.signal, facts);
      }
    });
  }

  private async *serverStream(request: unknown, options: ClientCallOptions = {}) {
    yield* this.stream(options, (attempt) => serverStreamAttempt(attempt, this.encode(request)));
  }

  private async *bidi(requests: Requests, options: ClientCallOptions = {}) {
    yield* this.stream(options, (attempt) => bidiAttempt(attempt, this.encodeAll(requests)));
  }

  private async *stream(
    options: ClientCallOptions,
    start: (attempt: Attempt) => AsyncGenerator<unknown, void, undefined>,
  ): AsyncGenerator<unknown, void, undefined> {
    const startedMs = performance.now();
    const facts = (): AttemptFacts => this.facts(1, startedMs);
    this.throwIfAborted(options.signal, facts);
    const span = this.startSpan();
    let status = 'OK';
    try {
      yield* start(this.attempt(options, 0, span));
    } catch (error) {
      const failure = this.toError(error, options.signal, facts);
      status = codeName(failure.code);
      throw failure;
    } finally {
      span.end(status);
    }
  }

  private startSpan(): CallSpan {
    return CallSpan.client(TRACER, this.method.path.slice(1), this.target);
  }

  private async spanned(work: (span: CallSpan) => Promise<unknown>): Promise<unknown> {
    const span = this.startSpan();
    let status = 'OK';
    try {
      return await work(span);
    } catch (error) {
      status = codeName(ServiceError.from(error).code);
      throw error;
    } finally {
      span.end(status);
    }
  }

  private attempt(options: ClientCallOptions, defaultTimeoutMs: number, span: CallSpan): Attempt {
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const metadata = toGrpcMetadata(options.metadata);
    span.inject((key, value) => metadata.set(key, value));
    return {
      client: this.lease.client,
      path: this.method.path,
      deserialize: this.method.responseDeserialize,
      metadata,
      deadlineAtMs: timeoutMs === 0 ? undefined : Date.now() + timeoutMs,
      options,
    };
  }

  private async *encodeAll(requests: Requests): AsyncGenerator<Buffer, void, undefined> {
    for await (const request of requests) yield this.encode(request);
  }

  private facts(attempts: number, startedMs: number): AttemptFacts {
    const elapsedMs = performance.now() - startedMs;
    return { target: this.target, method: this.method.path, attempts, elapsedMs };
  }

  /** grpc-js's errors have a status; anything else came from the caller's own requests and is the caller's to see. */
  private toError(
    error: unknown,
    signal: AbortSignal | undefined,
    facts: () => AttemptFacts,
  ): ServiceError {
    if (error instanceof ServiceError) return error;
    if (!isReceivedStatus(error)) throw error;
    const failure = fromStatus(error, facts());
    return failure.code === Code.cancelled && signal?.aborted === true
      ? this.gaveUp(signal, facts)
      : failure;
  }

  private gaveUp(signal: AbortSignal, facts: () => AttemptFacts): ServiceError {
    const details = { cause: signal.reason as unknown };
    return localError(Code.cancelled, 'CANCELLED', 'the caller gave up', facts(), details);
  }

  private throwIfAborted(signal: AbortSignal | undefined, facts: () => AttemptFacts): void {
    if (signal?.aborted === true) throw this.gaveUp(signal, facts);
  }

  private async wait(
    waitMs: number,
    signal: AbortSignal | undefined,
    facts: () => AttemptFacts,
  ): Promise<void> {
    try {
      await delay(waitMs, undefined, signal === undefined ? {} : { signal });
    } catch {
      if (signal !== undefined) throw this.gaveUp(signal, facts);
    }
  }
}

function isReceivedStatus(error: unknown): error is ReceivedStatus {
  if (typeof error !== 'object' || error === null) return false;
  const { code, details } = error as { code?: unknown; details?: unknown };
  return typeof code === 'number' && typeof details === 'string';
}
