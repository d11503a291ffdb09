import { ConfigError, describeOptions, loadOptions } from '@raftway/config';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gatewayOptionsSchema, loadBalancingOf } from './options';

describe("the README's table of options", () => {
  it.each(
    describeOptions(gatewayOptionsSchema).map((option) => [option.variable, option] as const),
  )('has %s with its meaning and default', (variable, option) => {
    const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
    const row = readme.split('\n').find((line) => line.startsWith(`| \`${variable}\``)) ?? '';

    expect(row).toContain(option.description);
    expect(row).toContain(option.defaultText ?? 'none');
  });
});

describe('options of load balancing', () => {
  const load = (environment: Record<string, string>) =>
    loadOptions({ schema: gatewayOptionsSchema, environment });

  it('are none by default but round robin', () => {
    expect(loadBalancingOf(load({}))).toMatchObject({
      policy: 'round_robin',
      hashHeader: undefined,
      hashBound: undefined,
      zone: '',
      slowStartMs: 0,
      panicThresholdPercent: 0,
    });
  });

  it('become the settings of every backend', () => {
    const options = load({
      RAFTWAY_LOAD_BALANCING: 'maglev',
      RAFTWAY_HASH_HEADER: 'x-session-id',
      RAFTWAY_HASH_BOUND_PERCENT: '125',
      RAFTWAY_ZONE: 'north',
      RAFTWAY_SLOW_START: '30s',
      RAFTWAY_PANIC_THRESHOLD_PERCENT: '50',
    });

    expect(loadBalancingOf(options)).toMatchObject({
      policy: 'maglev',
      hashHeader: 'x-session-id',
      hashBound: 1.25,
      zone: 'north',
      slowStartMs: 30_000,
      panicThresholdPercent: 50,
    });
  });

  it.each([
    ['RAFTWAY_LOAD_BALANCING', 'fair', 'one of round_robin, random'],
    ['RAFTWAY_HASH_HEADER', 'X-Session-Id', 'a header name in lower case'],
    ['RAFTWAY_HASH_HEADER', ':path', 'a header name in lower case'],
    ['RAFTWAY_HASH_BOUND_PERCENT', '99', 'a whole number from 100 to 1000'],
    ['RAFTWAY_ZONE', 'z'.repeat(65), 'text of 1 to 64 characters'],
    ['RAFTWAY_SLOW_START', '2h', 'a duration from 0s to 1h'],
    ['RAFTWAY_PANIC_THRESHOLD_PERCENT', '101', 'a whole number from 0 to 100'],
  ])('refuse %s=%s: must be %s', (variable, value, rule) => {
    expect(() => load({ [variable]: value })).toThrow(ConfigError);
    expect(() => load({ [variable]: value })).toThrow(rule);
  });
});
