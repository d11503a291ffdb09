import { type CallSpan, silentLogger } from '@raftway/observability';
import { reportCall } from './call-report';
import { type ProxyCallStart } from './call-start';
import { type CallObserver, type RuleName } from './proxy-context';

const rule = { document: 'GRPCRoute default/orders', name: 'canary' };
const route = { grpcService: 'a.B', service: 'orders-v2' } as ProxyCallStart['route'];
const start: ProxyCallStart = {
  ...{ route, rule, method: 'C', headers: [], requestEnded: true },
  ...{ clientAddress: '', timeoutMs: undefined },
};

describe('the end of a call', () => {
  it('is told to its span: which rule took it, where it went, how often, and why it failed', () => {
    const attributes: Record<string, unknown> = {};
    const ends: string[] = [];
    const span: Pick<CallSpan, 'setAttribute' | 'end' | 'traceFields'> = {
      traceFields: undefined,
      setAttribute: (name, value) => void (attributes[name] = value),
      end: (status) => void ends.push(status),
    };
    const counted: unknown[] = [];
    const observer: Pick<CallObserver, 'onCallEnd' | 'onRuleCallEnd'> = {
      onCallEnd: (...call) => void counted.push(call),
      onRuleCallEnd: (by: RuleName, ...call) => void counted.push([by.name, ...call]),
    };
    const context = { observer: observer as CallObserver, logger: silentLogger() };

    reportCall(context, span as CallSpan, start, {
      ...{ code: 14, reason: 'UPSTREAM_LOST', durationMs: 3, attempts: 3, instance: 'i-7' },
    });

    expect(attributes).toEqual({
      'raftway.gateway.route': 'GRPCRoute default/orders',
      'raftway.gateway.rule': 'canary',
      'raftway.gateway.backend': 'orders-v2',
      'raftway.gateway.instance': 'i-7',
      'raftway.gateway.attempts': 3,
      'raftway.gateway.retries': 2,
      'raftway.gateway.reason': 'UPSTREAM_LOST',
    });
    expect(ends).toEqual(['UNAVAILABLE']);
    expect(counted).toEqual([
      ['a.B', 14, 3],
      ['canary', 'orders-v2', 14, 3],
    ]);
  });
});
