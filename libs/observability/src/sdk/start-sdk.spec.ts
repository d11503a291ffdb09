import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, diag, propagation, trace } from '@opentelemetry/api';
import { CallSpan, createLogger, createMetrics, readTelemetrySettings } from '../index';
import { startSdk } from './index';

interface Received {
  readonly path: string;
  readonly body: Record<string, never>;
}

/** Takes what is exported to it; one that is stuck never answers. */
class Collector {
  readonly received: Received[] = [];
  isStuck = false;
  private readonly server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      if (this.isStuck) return;
      this.received.push({
        path: request.url ?? '',
        body: JSON.parse(body) as Record<string, never>,
      });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const SET = [
  ...['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TIMEOUT'],
  'OTEL_RESOURCE_ATTRIBUTES',
];
const identity = {
  serviceName: 'greeter',
  serviceInstanceId: 'greeter-1',
  serviceVersion: '1.2.3',
};
let collector: Collector;

function start(
  more: Record<string, string>,
  metrics = createMetrics({ processMetrics: false }),
  write: (line: string) => void = () => undefined,
) {
  const environment = {
    ...process.env,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    ...more,
  };
  const settings = readTelemetrySettings(environment, () => undefined);
  if (settings === undefined) throw new Error('nothing is exported');
  return startSdk(settings, identity, { logger: createLogger({ write }), metrics });
}

beforeEach(async () => {
  collector = new Collector();
  // The exporters read the process's own variables.
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = await collector.start();
});

afterEach(() => {
  collector.stop();
  for (const name of SET) delete process.env[name];
  for (const api of [trace, context, propagation, diag]) api.disable();
});

it('sends the spans that wait when it stops, with what the process is', async () => {
  process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'service.instance.id=mine,deployment=here';
  const sdk = start({});

  CallSpan.server('test', 'a.B/C', () => undefined).end('OK');
  await sdk.stop();

  const [{ path, body } = { path: '', body: {} }] = collector.received;
  expect(path).toBe('/v1/traces');
  const text = JSON.stringify(body);
  expect(text).toContain('"name":"a.B/C"');
  for (const [key, value] of [
    ['service.name', 'greeter'],
    ['service.instance.id', 'mine'],
    ['service.version', '1.2.3'],
    ['deployment', 'here'],
  ]) {
    expect(text).toContain(`{"key":"${key}","value":{"stringValue":"${value}"}}`);
  }
});

it('continues the trace of a caller that is not sampled without recording it', async () => {
  const sdk = start({});
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

  const span = CallSpan.server('test', 'a.B/C', (key) =>
    key === 'traceparent' ? traceparent : undefined,
  );
  span.end('OK');
  await sdk.stop();

  expect(span.headers()?.[1]).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$/);
  expect(collector.received).toEqual([]);
});

it('keeps no trace that begins here when the sampler says so', async () => {
  const sdk = start({
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0',
  });

  CallSpan.server('test', 'a.B/C', () => undefined).end('OK');
  await sdk.stop();

  expect(collector.received).toEqual([]);
});

it('gives up on a collector that does not answer', async () => {
  collector.isStuck = true;
  process.env['OTEL_EXPORTER_OTLP_TIMEOUT'] = '4000';
  const lines: string[] = [];
  const sdk = start({}, undefined, (line) => lines.push(line));
  CallSpan.server('test', 'a.B/C', () => undefined).end('OK');

  await sdk.stop();

  expect(lines.at(-1)).toContain('the last of telemetry was not taken in time');
});

it('sends the metrics that Prometheus would scrape, by their names in the semantic conventions', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const held = metrics.gauge({ name: 'locks_held', help: 'Locks that are held.' });
  metrics.onScrape(() => held.set(7));
  metrics
    .counter({ name: 'sent_bytes_total', help: 'Bytes.', labels: ['to'] })
    .increment({ to: 'a' }, 3);
  const durations = metrics.histogram({
    name: 'rpc_server_call_duration_seconds',
    help: 'Calls.',
    labels: ['rpc_method', 'error_type'],
    buckets: [0.1, 1],
  });
  for (const seconds of [0.05, 0.5, 0.6, 5]) durations.observe(seconds, { rpc_method: 'a.B/C' });
  const sdk = start({ OTEL_METRICS_EXPORTER: 'otlp', OTEL_TRACES_EXPORTER: 'none' }, metrics);

  await sdk.stop();

  const [{ path, body } = { path: '', body: {} }] = collector.received;
  expect(path).toBe('/v1/metrics');
  const { resourceMetrics } = body as unknown as {
    resourceMetrics: { scopeMetrics: { scope: { name: string }; metrics: { name: string }[] }[] }[];
  };
  const found = resourceMetrics[0]?.scopeMetrics.find(
    ({ scope }) => scope.name === '@raftway/observability',
  );
  const byName = new Map(found?.metrics.map((metric) => [metric.name, metric]));
  expect([...byName.keys()].sort()).toEqual([
    'locks_held',
    'rpc.server.call.duration',
    'sent_bytes_total',
  ]);
  expect(byName.get('locks_held')).toMatchObject({ gauge: { dataPoints: [{ asDouble: 7 }] } });
  expect(byName.get('sent_bytes_total')).toMatchObject({
    unit: 'By',
    sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ asDouble: 3 }] },
  });
  expect(byName.get('rpc.server.call.duration')).toMatchObject({
    unit: 's',
    histogram: {
      dataPoints: [
        {
          attributes: [{ key: 'rpc.method', value: { stringValue: 'a.B/C' } }],
          explicitBounds: [0.1, 1],
          bucketCounts: [1, 2, 1],
          count: 4,
          sum: 6.15,
        },
      ],
    },
  });
});
