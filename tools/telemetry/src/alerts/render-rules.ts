import { stringify } from 'yaml';
import { type Alert, type AlertGroup, RUNBOOKS } from './alert';

const GENERATED = '# npm run generate writes this file from tools/telemetry/src/alerts.\n';

/** The rule file that Prometheus loads. */
export function renderRuleFile(groups: readonly AlertGroup[]): string {
  return GENERATED + stringify(rulesOf(groups), { lineWidth: 0 });
}

/** The same for the Prometheus operator. */
export function renderPrometheusRule(groups: readonly AlertGroup[]): string {
  const object = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'raftway' },
    spec: rulesOf(groups),
  };
  return GENERATED + stringify(object, { lineWidth: 0 });
}

function rulesOf(groups: readonly AlertGroup[]) {
  return { groups: groups.map(({ name, alerts }) => ({ name, rules: alerts.map(ruleOf) })) };
}

function ruleOf(alert: Alert) {
  const { name, expression, severity, summary, description } = alert;
  return {
    alert: name,
    expr: expression,
    for: alert.for,
    labels: { severity },
    annotations: { summary, description, runbook: `${RUNBOOKS}/${name}.md` },
  };
}
