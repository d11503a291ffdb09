import { z } from 'zod';
import {
  describeOptions,
  durationMs,
  formatDuration,
  formatOptionsHelp,
  formatOptionsTable,
  hostPortList,
  nearest,
  oneOf,
  parseDuration,
  splitHostPort,
  text,
} from './index';

const schema = z.object({
  registry: hostPortList().default(['a:1', 'b:2']).describe('Seed addresses.'),
  drainDelayMs: durationMs().default(1500).describe('Wait before calls are refused.'),
  logFormat: oneOf(['json', 'pretty']).default('json'),
  dataDir: text().optional().describe('The data directory.').meta({ defaultText: '.raftway' }),
  token: text().describe('A secret.'),
});

it('describes each option as it is written', () => {
  expect(describeOptions(schema)).toEqual([
    {
      key: 'registry',
      variable: 'RAFTWAY_REGISTRY',
      type: 'host:port,…',
      limits: '1 to 32',
      description: 'Seed addresses.',
      defaultText: 'a:1,b:2',
      required: false,
    },
    {
      key: 'drainDelay',
      variable: 'RAFTWAY_DRAIN_DELAY',
      type: 'duration',
      limits: '0s to 24h',
      description: 'Wait before calls are refused.',
      defaultText: '1500ms',
      required: false,
    },
    {
      key: 'logFormat',
      variable: 'RAFTWAY_LOG_FORMAT',
      type: 'json | pretty',
      limits: undefined,
      description: '',
      defaultText: 'json',
      required: false,
    },
    {
      key: 'dataDir',
      variable: 'RAFTWAY_DATA_DIR',
      type: 'text',
      limits: '1 to 256 characters',
      description: 'The data directory.',
      defaultText: '.raftway',
      required: false,
    },
    {
      key: 'token',
      variable: 'RAFTWAY_TOKEN',
      type: 'text',
      limits: '1 to 256 characters',
      description: 'A secret.',
      defaultText: undefined,
      required: true,
    },
  ]);
});

it('makes lines for --help and rows for a README', () => {
  expect(formatOptionsHelp(schema)).toContain(
    '  RAFTWAY_DRAIN_DELAY (duration)  [1500ms]\n      Wait before calls are refused.',
  );
  expect(formatOptionsTable(schema)).toContain(
    '| `RAFTWAY_LOG_FORMAT` | json \\| pretty |  | `json` |\n',
  );
  expect(formatOptionsTable(schema)).toContain('| `RAFTWAY_TOKEN` | text | A secret. | required |');
});

it('reads and writes durations', () => {
  expect(['250ms', '10s', '1.5m', '1h', '0s'].map(parseDuration)).toEqual([
    250, 10_000, 90_000, 3_600_000, 0,
  ]);
  expect(['', '10', 's', '-1s', '1d', '1e3s'].map(parseDuration)).toEqual(Array(6).fill(undefined));
  expect([0, 250, 1000, 90_000, 120_000, 3_600_000].map(formatDuration)).toEqual([
    '0s',
    '250ms',
    '1s',
    '90s',
    '2m',
    '1h',
  ]);
});

it('splits addresses, IPv6 in brackets', () => {
  expect(splitHostPort('[::1]:80')).toEqual({ host: '::1', port: 80 });
  expect(splitHostPort('a.b:0')).toEqual({ host: 'a.b', port: 0 });
  expect(['::1:80', 'a', 'a:', 'a:x', 'a:70000', 'http://a:1'].map(splitHostPort)).toEqual(
    Array(6).fill(undefined),
  );
});

it('finds the nearest name', () => {
  expect(nearest('drainDeley', ['bind', 'drainDelay', 'dataDir'])).toBe('drainDelay');
  expect(nearest('x', [])).toBeUndefined();
});
