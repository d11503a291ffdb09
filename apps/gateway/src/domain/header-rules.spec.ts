import { isGrpcContentType } from '@raftway/http2/rules';
import { forwardRequestHeaders, forwardResponseHeaders } from './header-rules';

const rules = {
  authority: 'backend:1',
  remainingMs: undefined,
  clientAddress: '10.0.0.1',
  trustForwarded: false,
  scheme: 'http' as const,
};

describe('request headers', () => {
  it('keep the client’s trace, unless the gateway records a span: then they name that one', () => {
    const headers = [
      ...[':path', '/a/B', ':authority', 'x'],
      ...['traceparent', '00-1', 'tracestate', 'v=1', 'baggage', 'k=v'],
    ];
    const rest = ['x-forwarded-for', '10.0.0.1'];

    const kept = forwardRequestHeaders(headers, rules).slice(8);
    const replaced = forwardRequestHeaders(headers, { ...rules, trace: ['traceparent', '00-2'] });

    expect(kept).toEqual(['traceparent', '00-1', 'tracestate', 'v=1', 'baggage', 'k=v', ...rest]);
    expect(replaced.slice(8)).toEqual(['baggage', 'k=v', 'traceparent', '00-2', ...rest]);
  });

  it('keep their order and repetitions', () => {
    const headers = [
      ':method',
      'POST',
      ':path',
      '/a/B',
      ':authority',
      'x',
      'b',
      '1',
      'a',
      '2',
      'b',
      '3',
    ];

    expect(forwardRequestHeaders(headers, rules)).toEqual([
      ':method',
      'POST',
      ':scheme',
      'http',
      ':path',
      '/a/B',
      ':authority',
      'x',
      'b',
      '1',
      'a',
      '2',
      'b',
      '3',
      'x-forwarded-for',
      '10.0.0.1',
    ]);
  });

  it.each([
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
    'upgrade',
    'http2-settings',
    'te',
    'proxy-authorization',
  ])('lose %s', (name) => {
    expect(forwardRequestHeaders([name, 'anything'], rules)).not.toContain(name);
  });

  it('keep te: trailers', () => {
    expect(forwardRequestHeaders(['te', 'trailers'], rules)).toContain('te');
  });

  it('carry what is left of the time, whatever the client wrote', () => {
    const headers = forwardRequestHeaders(['grpc-timeout', '9H'], { ...rules, remainingMs: 12.5 });

    expect(headers.filter((_, index) => headers[index - 1] === 'grpc-timeout')).toEqual(['12500u']);
  });

  it('take the host, then the instance, when there is no authority', () => {
    expect(forwardRequestHeaders(['host', 'h'], rules).slice(6, 8)).toEqual([':authority', 'h']);
    expect(forwardRequestHeaders([], rules).slice(6, 8)).toEqual([':authority', 'backend:1']);
  });

  it('of forwarding are replaced, or added to when the client is trusted', () => {
    const headers = ['x-forwarded-for', '1.1.1.1', 'x-real-ip', '2.2.2.2', 'forwarded', 'for=3'];

    expect(forwardRequestHeaders(headers, rules).slice(8)).toEqual(['x-forwarded-for', '10.0.0.1']);
    expect(forwardRequestHeaders(headers, { ...rules, trustForwarded: true }).slice(8)).toEqual([
      'x-real-ip',
      '2.2.2.2',
      'forwarded',
      'for=3',
      'x-forwarded-for',
      '1.1.1.1, 10.0.0.1',
    ]);
  });
});

describe('response headers', () => {
  it('are the same list when nothing is to be removed', () => {
    const headers = [':status', '200', 'a', '1'];

    expect(forwardResponseHeaders(headers)).toBe(headers);
    expect(forwardResponseHeaders(['connection', 'close', 'a', '1'])).toEqual(['a', '1']);
  });
});

describe('content types', () => {
  it.each([
    ['application/grpc', true],
    ['application/grpc+proto', true],
    ['application/grpc;charset=x', true],
    ['application/grpc-web', false],
    ['application/grpc-web+proto', false],
    ['application/json', false],
    ['', false],
  ])('%s is gRPC: %s', (contentType, expected) => {
    expect(isGrpcContentType(contentType)).toBe(expected);
  });
});
