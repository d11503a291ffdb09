import type { MethodShape, RequestOf, ResponseOf, ServiceShape } from '../rpc/definition';
import type { TlsSource } from '@raftway/tls';
import type { CallMetadata, OutgoingMetadata } from '../rpc/handlers';

/** Limits and cancellation of one call. */
export interface ClientCallOptions {
  /** In milliseconds, over all attempts. @default the client's; 0 = none */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: OutgoingMetadata | undefined;
  /** Called with the server's headers. */
  readonly onHeader?: ((metadata: CallMetadata) => void) | undefined;
  /** Called with the server's trailers, also of a failed call. */
  readonly onTrailer?: ((metadata: CallMetadata) => void) | undefined;
}

/** A request with its defaults left out. Nested messages are complete: use their `fromPartial`. */
export type RequestInput<Method extends MethodShape> =
  RequestOf<Method> extends object
    ? { readonly [Key in keyof RequestOf<Method>]?: RequestOf<Method>[Key] | undefined }
    : never;

/** How one method is called, by its kind. Failures are ServiceError. */
export type ClientMethod<Method extends MethodShape> = Method['requestStream'] extends true
  ? Method['responseStream'] extends true
    ? (
        requests: AsyncIterable<RequestInput<Method>> | Iterable<RequestInput<Method>>,
        options?: ClientCallOptions,
      ) => AsyncIterable<ResponseOf<Method>>
    : (
        requests: AsyncIterable<RequestInput<Method>> | Iterable<RequestInput<Method>>,
        options?: ClientCallOptions,
      ) => Promise<ResponseOf<Method>>
  : Method['responseStream'] extends true
    ? (
        request: RequestInput<Method>,
        options?: ClientCallOptions,
      ) => AsyncIterable<ResponseOf<Method>>
    : (request: RequestInput<Method>, options?: ClientCallOptions) => Promise<ResponseOf<Method>>;

/** A client of one gRPC service. */
export type ServiceClient<Service extends ServiceShape> = {
  readonly [Name in keyof Service]: ClientMethod<Service[Name]>;
} & {
  /** Gives the channel back; the last client of a target closes it, and its calls fail with CANCELLED. */
  close(): void;
};

/** The part of {@link ClientOptions} that does not depend on the service. */
export interface ClientSettings {
  /** Deadline of unary and client-streaming calls, in milliseconds; 0 = none. Streams of responses have none. @default 10000 */
  readonly defaultTimeoutMs?: number | undefined;
  /** Names of the methods that only read. */
  readonly idempotentMethods?: readonly string[] | undefined;
  /** Attempts of one call, the first included. @default 4 */
  readonly attemptsMax?: number | undefined;
  /** Wait before the second attempt, doubled each time, with full jitter, in milliseconds. @default 50 */
  readonly backoffInitialMs?: number | undefined;
  /** @default 2000 */
  readonly backoffMaxMs?: number | undefined;
  /** Interval of HTTP/2 pings while calls are open, in milliseconds. @default 20000 */
  readonly keepaliveIntervalMs?: number | undefined;
  /** Largest response message in bytes. @default 16 MiB */
  readonly receiveMessageBytesMax?: number | undefined;
  /** Share the target's channel with other clients of this process that have the same channel settings. @default true */
  readonly shareChannel?: boolean | undefined;
  /** Certificates for TLS. The server's has to be for the target's host, one of a list's hosts, or the service of `registry:///service`. @default plaintext */
  readonly tls?: TlsSource | undefined;
  /** Source of jitter, 0 ≤ x < 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/** Optional input of createClient. */
export interface ClientOptions<Service extends ServiceShape = ServiceShape> extends ClientSettings {
  /** Reads, which may be repeated. Other methods are repeated only when their request has a non-empty requestId. @default none */
  readonly idempotentMethods?: readonly (keyof Service & string)[] | undefined;
}
