import { hostname } from 'node:os';
import { createLogger, createMetrics } from '@raftway/observability';
import { nodeIdFromHostName } from '../replica/replica-identity';
import { startTelemetry } from './start-telemetry';

const started = jest.fn();
// Whether it is loaded is what is looked at; what it does is tested where it is, and over real processes.
jest.mock('@raftway/observability/sdk', () => {
  started('loaded');
  return { startSdk: (_settings: unknown, identity: unknown) => started(identity) as unknown };
});

const lines: string[] = [];
const tools = {
  logger: createLogger({ write: (line) => lines.push(line) }),
  metrics: createMetrics({ processMetrics: false }),
};
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };

beforeEach(() => {
  started.mockClear();
  lines.length = 0;
  jest.resetModules();
});

it.each([
  ['nothing is asked for', {}],
  ['it is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }],
])('the SDK is not even loaded when %s', async (_when, environment) => {
  expect(await startTelemetry('greeter', {}, environment, tools)).toBeUndefined();
  expect(started).not.toHaveBeenCalled();
});

it.each([
  ['lock-service-a', { instanceId: 'lock-service-a', nodeId: 2, initialState: 'new' }],
  ['lock-service-2', { nodeId: 2, initialState: 'new' }],
  [
    `lock-service-${1000 + nodeIdFromHostName(hostname())}`,
    { ...{ initialState: 'new', raftAutoJoin: true, raftJoinGeneration: 1 }, dataDir: '/missing' },
  ],
  [expect.stringMatching(/^lock-service-.+-\d+$/) as string, {}],
])('an instance is named %s', async (serviceInstanceId, options) => {
  await startTelemetry('lock-service', options, ENDPOINT, tools);

  expect(started).toHaveBeenLastCalledWith(
    expect.objectContaining({ serviceName: 'lock-service', serviceInstanceId }),
  );
});

it('a value that is not used is logged, and what it would have to be', async () => {
  await startTelemetry('greeter', {}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }, tools);

  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'warn',
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    value: 'collector',
    expected: 'a URL such as http://collector:4318',
  });
});
