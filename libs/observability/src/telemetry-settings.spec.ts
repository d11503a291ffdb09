import { readTelemetrySettings, TELEMETRY_VARIABLES, type TelemetryWarning } from './index';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

function read(environment: Record<string, string>) {
  const warnings: TelemetryWarning[] = [];
  const settings = readTelemetrySettings(environment, (warning) => warnings.push(warning));
  return { settings, warnings };
}

it.each([
  ['nothing is asked for', {}],
  ['the endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
  ['metrics are asked for without an endpoint', { OTEL_METRICS_EXPORTER: 'otlp' }],
  ['the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'True' }],
  ['there is no exporter', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }],
])('nothing is exported when %s', (_when, environment) => {
  expect(read(environment)).toEqual({ settings: undefined, warnings: [] });
});

it('traces go to an endpoint that is given, all of them, as protobuf; metrics stay at home', () => {
  expect(read(ENDPOINT).settings).toEqual({
    traces: {
      protocol: 'http/protobuf',
      sampler: 'parentbased_always_on',
      ratio: 1,
      delayMs: 5000,
      exportTimeoutMs: 30_000,
      queueSpansMax: 2048,
      batchSpansMax: 512,
    },
    metrics: undefined,
  });
});

it('metrics alone are exported when only they have an endpoint', () => {
  const { settings } = read({
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://collector/v1/metrics',
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  });

  expect(settings).toEqual({
    traces: undefined,
    metrics: { protocol: 'http/json', intervalMs: 1000, exportTimeoutMs: 1000 },
  });
});

it.each([
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'one of http/protobuf, http/json'],
  ['OTEL_TRACES_SAMPLER', 'sometimes', /^one of parentbased_always_on, /],
  ['OTEL_TRACES_SAMPLER_ARG', '1.5', 'a number from 0 to 1'],
  ['OTEL_BSP_MAX_QUEUE_SIZE', '0', 'a whole number above 0'],
  ['OTEL_TRACES_EXPORTER', 'zipkin', 'one of otlp, none'],
])('%s=%s is reported, and as good as not set', (variable, value, expected) => {
  const { settings, warnings } = read({ ...ENDPOINT, [variable]: value });

  expect(settings).toEqual(read(ENDPOINT).settings);
  expect(warnings).toEqual([
    { variable, value, expected: expect.stringMatching(expected) as string },
  ]);
});

it('an endpoint that is no URL is reported, and nothing is exported', () => {
  const { settings, warnings } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' });

  expect(settings).toBeUndefined();
  expect(warnings).toMatchObject([
    { variable: 'OTEL_EXPORTER_OTLP_ENDPOINT', expected: 'a URL such as http://collector:4318' },
  ]);
});

it('every variable says what it is for', () => {
  for (const [variable, meaning] of Object.entries(TELEMETRY_VARIABLES)) {
    expect(variable).toMatch(/^OTEL_[A-Z_]+$/);
    expect(meaning).toMatch(/^\S.+\.$/);
  }
});
