import {
  ProxyTracerProvider,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
} from '@opentelemetry/api';

/** What the API hands out while nobody has registered an SDK. */
const NO_SDK = new ProxyTracerProvider().getDelegate();

/** Whether an SDK is registered in this process. Allocates nothing: it stands before everything that would be done for spans. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NO_SDK;
}

/**
 * Runs `work` in a span of the OpenTelemetry API. Without an SDK in the process that costs next to nothing and records nothing.
 *
 * @param tracerName the library or app, such as `@raftway/service-kit`.
 * @param work its error ends the span as failed and is thrown on.
 */
export async function withSpan<Result>(
  tracerName: string,
  spanName: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result> | Result,
): Promise<Result> {
  const tracer = trace.getTracer(tracerName);
  return tracer.startActiveSpan(spanName, { attributes }, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The span of the present call, if somebody records it. Allocates nothing when there is no SDK in the process. */
export function recordingSpan(): Span | undefined {
  const span = trace.getActiveSpan();
  return span?.isRecording() === true ? span : undefined;
}
