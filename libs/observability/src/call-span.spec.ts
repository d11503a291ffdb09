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
    'server.address': 'localhost:1',
  });
});

it('marks a span as failed by any status but OK', () => {
  CallSpan.client('test', 'a.B/E', 'localhost:1').end('UNAVAILABLE');

  expect(tracer.ended.at(-1)).toMatchObject({ status: { message: 'UNAVAILABLE' } });
});
