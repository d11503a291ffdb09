import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import { isTracing } from './tracing';

/**
 * Statuses that are a server's own failure; with any other it has answered as it should. A client's call has failed with any status but OK.
 * Source: OpenTelemetry's semantic conventions for gRPC.
 */
const SERVER_ERRORS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** The attribute `error.type` of a call that a server has answered; undefined when that was no failure of its own. */
export function serverErrorType(status: string): string | undefined {
  return SERVER_ERRORS.has(status) ? status : undefined;
}

/** Names the span of a call in its log lines, as OpenTelemetry has it for logs in JSON. */
export interface TraceFields {
  readonly trace_id: string;
  readonly span_id: string;
}

/**
 * The span of one gRPC call, by the RPC semantic conventions of OpenTelemetry. Without an SDK in the process it records nothing, and all calls share
 * one that does nothing.
 */
export class CallSpan {
  private static readonly none = new CallSpan(undefined, undefined, SpanKind.INTERNAL);

  private constructor(
    private readonly span: Span | undefined,
    private readonly spanContext: Context | undefined,
    private readonly kind: SpanKind,
  ) {}

  /**
   * A call that this process answers; a child of the caller's span, when the metadata names one.
   *
   * @param method `package.Service/Method`.
   * @param metadata reads one metadata value, such as `traceparent`.
   */
  static server(
    tracerName: string,
    method: string,
    metadata: (key: string) => string | undefined,
  ): CallSpan {
    if (!isTracing()) return CallSpan.none;
    const parent = propagation.extract(context.active(), metadata, {
      get: (read, key) => read(key),
      keys: () => propagation.fields(),
    });
    return CallSpan.start(tracerName, method, SpanKind.SERVER, {}, parent);
  }

  /** A call that this process makes. @param target `host:port`, or what else the client was made for. */
  static client(tracerName: string, method: string, target: string): CallSpan {
    if (!isTracing()) return CallSpan.none;
    const attributes = addressAttributes(target);
    return CallSpan.start(tracerName, method, SpanKind.CLIENT, attributes, context.active());
  }

  private static start(
    tracerName: string,
    method: string,
    kind: SpanKind,
    attributes: Attributes,
    parent: Context,
  ): CallSpan {
    const all = { 'rpc.system.name': 'grpc', 'rpc.method': method, ...attributes };
    const span = trace.getTracer(tracerName).startSpan(method, { kind, attributes: all }, parent);
    return new CallSpan(span, trace.setSpan(parent, span), kind);
  }

  /** For the call's log lines; undefined when nobody records it. */
  get traceFields(): TraceFields | undefined {
    if (this.span?.isRecording() !== true) return undefined;
    const { traceId, spanId } = this.span.spanContext();
    return { trace_id: traceId, span_id: spanId };
  }

  /** Runs work so that spans begun in it are children of this one. */
  run<Result>(work: () => Result): Result {
    return this.spanContext === undefined ? work() : context.with(this.spanContext, work);
  }

  /** Writes what the callee needs to continue the trace into metadata. */
  inject(write: (key: string, value: string) => void): void {
    if (this.spanContext === undefined) return;
    propagation.inject(this.spanContext, write, { set: (set, key, value) => set(key, value) });
  }

  /** The same as header pairs; undefined without an SDK. */
  headers(): string[] | undefined {
    if (this.spanContext === undefined) return undefined;
    const pairs: string[] = [];
    this.inject((key, value) => pairs.push(key, value));
    return pairs;
  }

  setAttribute(key: string, value: string | number): void {
    this.span?.setAttribute(key, value);
  }

  /** @param status a gRPC status name, such as `OK`. */
  end(status: string): void {
    const { span } = this;
    if (span === undefined) return;
    span.setAttribute('rpc.response.status_code', status);
    const isServer = this.kind === SpanKind.SERVER;
    if (isServer ? SERVER_ERRORS.has(status) : status !== 'OK') {
      span.setAttribute('error.type', status);
      span.setStatus({ code: SpanStatusCode.ERROR, message: status });
    }
    span.end();
  }
}

function addressAttributes(target: string): Attributes {
  const [, host, port] = /^\[?([^/,]*?)\]?:(\d+)$/.exec(target) ?? [];
  return host === undefined
    ? { 'server.address': target }
    : { 'server.address': host, 'server.port': Number(port) };
}
