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

/** The span of one gRPC call, by the RPC semantic conventions of OpenTelemetry. Without an SDK in the process it records nothing. */
export class CallSpan {
  private constructor(
    private readonly span: Span,
    private readonly spanContext: Context,
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
    const parent = propagation.extract(context.active(), metadata, {
      get: (read, key) => read(key),
      keys: () => propagation.fields(),
    });
    return CallSpan.start(tracerName, method, SpanKind.SERVER, {}, parent);
  }

  /** A call that this process makes. */
  static client(tracerName: string, method: string, target: string): CallSpan {
    const attributes = { 'server.address': target };
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
    return new CallSpan(span, trace.setSpan(parent, span));
  }

  /** Runs work so that spans begun in it are children of this one. */
  run<Result>(work: () => Result): Result {
    return context.with(this.spanContext, work);
  }

  /** Writes what the callee needs to continue the trace into metadata. */
  inject(write: (key: string, value: string) => void): void {
    propagation.inject(this.spanContext, write, { set: (set, key, value) => set(key, value) });
  }

  /** @param status a gRPC status name, such as `OK`; anything else marks the span as failed. */
  end(status: string): void {
    this.span.setAttribute('rpc.response.status_code', status);
    if (status !== 'OK') this.span.setStatus({ code: SpanStatusCode.ERROR, message: status });
    this.span.end();
  }
}
