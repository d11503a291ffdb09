import { join, resolve } from 'node:path';
import { ALERT_CASES } from '../../test/alert-cases';
import { fires, promtool } from '../../test/promtool';
import { committedCatalogue, RULE_FILE } from '../generate';
import { alertGroups } from '.';

const WORKSPACE = resolve(__dirname, '..', '..', '..', '..');
const RULES = join(WORKSPACE, RULE_FILE);
const OK = { ok: true, output: expect.any(String) as string };

it('there is a case for every alert', () => {
  const alerts = alertGroups(committedCatalogue(WORKSPACE)).flatMap((group) => group.alerts);
  expect(Object.keys(ALERT_CASES).sort()).toEqual(alerts.map(({ name }) => name).sort());
});

describe('Prometheus', () => {
  it('takes the rules and their texts', () => {
    expect(promtool('check', 'rules', RULES)).toEqual(OK);
  });

  it('takes the configuration that loads them', () => {
    const file = join(WORKSPACE, 'docker/observability/prometheus.yaml');
    expect(promtool('check', 'config', file)).toEqual({
      ok: true,
      output: expect.stringContaining('1 rule files found') as string,
    });
  });

  it.each(Object.entries(ALERT_CASES))('fires %s when it should', (name, alert) => {
    expect(fires(RULES, name, alert.fires, alert.labels)).toEqual(OK);
  });

  it.each(Object.entries(ALERT_CASES))('leaves %s quiet otherwise', (name, alert) => {
    expect(fires(RULES, name, alert.quiet, [])).toEqual(OK);
  });

  it('would tell when an alert fires that is not expected', () => {
    const { fires: series } = ALERT_CASES['RaftwayNoLeader'] ?? { fires: {} };
    expect(fires(RULES, 'RaftwayNoLeader', series, []).ok).toBe(false);
  });
});
