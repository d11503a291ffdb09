import { ProxyTracerProvider, type Span, trace, TraceFlags } from '@opentelemetry/api';
import { silentLogger } from '@raftway/observability';
import { reportCall, startSpan } from './call-report';
import { type ProxyCallStart } from './proxy-call';
import { type RuleName } from './proxy-context';

const start = {
  route: { grpcService: 'a.B', service: 'orders-v2' },
  method: 'C',
  headers: [],
  rule: { document: 'GRPCRoute default/orders', name: 'canary' },
} as unknown as ProxyCallStart;
const spanContext = { traceId: 't'.repeat(32), spanId: 's', traceFlags: TraceFlags.SAMPLED };

describe('the span of a call', () => {
  afterEach(() => {
    trace.disable();
  });

  it('says which rule took it, where it went, how often, and why it failed', () => {
    const attributes: Record<string, unknown> = {};
    const counted: [RuleName, string, number][] = [];
    const provider = new ProxyTracerProvider();
    provider.getTracer = () => ({ startSpan: () => spanInto(attributes) }) as never;
    trace.setGlobalTracerProvider(provider);
    const observer = {
      onCallEnd: () => undefined,
      onRuleCallEnd: (rule: RuleName, backend: string, code: number) =>
        void counted.push([rule, backend, code]),
    };

    reportCall({ observer: observer as never, logger: silentLogger() }, startSpan(start), start, {
      ...{ code: 14, reason: 'UPSTREAM_LOST', durationMs: 3, attempts: 3, instance: 'i-7' },
    });

    expect(attributes).toMatchObject({
      'raftway.gateway.route': 'GRPCRoute default/orders',
      'raftway.gateway.rule': 'canary',
      'raftway.gateway.backend': 'orders-v2',
      'raftway.gateway.instance': 'i-7',
      'raftway.gateway.attempts': 3,
      'raftway.gateway.retries': 2,
      'raftway.gateway.reason': 'UPSTREAM_LOST',
      'rpc.response.status_code': 'UNAVAILABLE',
    });
    expect(counted).toEqual([[start.rule, 'orders-v2', 14]]);
  });
});

function spanInto(attributes: Record<string, unknown>): Span {
  const span = {
    spanContext: () => spanContext,
    isRecording: () => true,
    setAttribute: (name: string, value: unknown) => {
      attributes[name] = value;
      return span;
    },
    setStatus: () => span,
    end: () => undefined,
  };
  return span as unknown as Span;
}
