import {
  propagation,
  trace,
  TraceFlags,
  type Context,
  type Span,
  type SpanOptions,
  type TextMapPropagator,
  type Tracer,
} from '@opentelemetry/api';
import { CallSpan } from './call-span';

/** Records what reaches the API; the SDK is the operator's choice and no dependency of ours. */
class RecordingTracer {
  readonly started: {
    name: string;
    options: SpanOptions | undefined;
    parent: string | undefined;
  }[] = [];
  readonly ended: Record<string, unknown>[] = [];

  startSpan(name: string, options?: SpanOptions, parent?: Context): Span {
    const parentId = parent === undefined ? undefined : trace.getSpanContext(parent)?.spanId;
    this.started.push({ name, options, parent: parentId });
    const record: Record<string, unknown> = {};
    const span = {
      spanContext: () => ({
        traceId: 't'.repeat(32),
        spanId: `own-${name}`,
        traceFlags: TraceFlags.SAMPLED,
      }),
      setAttribute: (key: string, value: unknown) => {
        record[key] = value;
        return span;
      },
      setStatus: (status: unknown) => {
        record['status'] = status;
        return span;
      },
      isRecording: () => true,
      end: () => void this.ended.push(record),
    };
    return span as unknown as Span;
  }
}

const tracer = new RecordingTracer();
const spanIdPropagator: TextMapPropagator = {
  inject: (from, carrier, setter) =>
    setter.set(carrier, 'span', trace.getSpanContext(from)?.spanId ?? ''),
  extract: (into, carrier, getter) => {
    const spanId = getter.get(carrier, 'span');
    if (typeof spanId !== 'string') return into;
    return trace.setSpanContext(into, {
      traceId: 't'.repeat(32),
      spanId,
      traceFlags: TraceFlags.SAMPLED,
    });
  },
  fields: () => ['span'],
};

beforeAll(() => {
  trace.setGlobalTracerProvider({ getTracer: () => tracer as unknown as Tracer });
  propagation.setGlobalPropagator(spanIdPropagator);
});

afterAll(() => {
  trace.disable();
  propagation.disable();
});

it('continues the trace that the metadata names', () => {
  CallSpan.server('test', 'a.B/C', (key) => (key === 'span' ? 'callers' : undefined)).end('OK');

  expect(tracer.started.at(-1)).toMatchObject({ name: 'a.B/C', parent: 'callers' });
  expect(tracer.ended.at(-1)).toEqual({ 'rpc.response.status_code': 'OK' });
});

it('tells the callee which span its call belongs to', () => {
  const written: Record<string, string> = {};

  CallSpan.client('test', 'a.B/D', 'localhost:1').inject((key, value) => (written[key] = value));

  expect(written).toEqual({ span: 'own-a.B/D' });
  expect(tracer.started.at(-1)?.options?.attributes).toEqual({
    'rpc.system.name': 'grpc',
    'rpc.method': 'a.B/D',
    'server.address': 'localhost',
    'server.port': 1,
  });
});

it('marks a client’s span as failed by any status but OK, and a server’s by those that are its failure', () => {
  const read = (): undefined => undefined;

  CallSpan.client('test', 'a.B/E', 'localhost:1').end('NOT_FOUND');
  CallSpan.server('test', 'a.B/E', read).end('NOT_FOUND');
  CallSpan.server('test', 'a.B/E', read).end('UNAVAILABLE');

  const [asClient, answered, failed] = tracer.ended.slice(-3);
  expect(asClient).toMatchObject({ 'error.type': 'NOT_FOUND', status: { message: 'NOT_FOUND' } });
  expect(answered).toEqual({ 'rpc.response.status_code': 'NOT_FOUND' });
  expect(failed).toMatchObject({ 'error.type': 'UNAVAILABLE', status: { message: 'UNAVAILABLE' } });
});

it('has the names of trace and span for log lines, and header pairs for a callee', () => {
  const span = CallSpan.server('test', 'a.B/F', () => undefined);

  expect(span.traceFields).toEqual({ trace_id: 't'.repeat(32), span_id: 'own-a.B/F' });
  expect(span.headers()).toEqual(['span', 'own-a.B/F']);
});

it('is one that does nothing, shared by all calls, without an SDK', () => {
  trace.disable();

  const span = CallSpan.server('test', 'a.B/G', () => 'callers');
  const ran = span.run(() => 'ran');

  expect(CallSpan.client('test', 'a.B/H', 'localhost:1')).toBe(span);
  expect([ran, span.headers(), span.traceFields]).toEqual(['ran', undefined, undefined]);
});
