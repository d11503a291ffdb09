import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** What promtool says, Prometheus' own checker; Debian has it in the package prometheus. */
export interface Verdict {
  readonly ok: boolean;
  readonly output: string;
}

export function promtool(...words: readonly string[]): Verdict {
  const { status, stdout, stderr } = spawnSync('promtool', words, {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

/** Series, each with a sample a minute in promtool's notation. */
export type Series = Readonly<Record<string, string>>;

/** When everything is looked at; longer than any window and `for` of an alert. */
const AT = '90m';

/** Runs a rule file over series, and says whether exactly those alerts of that name fire that are expected: their labels besides the name. */
export function fires(
  ruleFile: string,
  alert: string,
  series: Series,
  expected: readonly string[],
): Verdict {
  const directory = mkdtempSync(join(tmpdir(), 'raftway-alerts-'));
  try {
    const file = join(directory, 'test.yaml');
    const samples = expected.map((labels) => ({
      labels: `{alertname="${alert}"${labels === '' ? '' : `, ${labels}`}}`,
      value: 1,
    }));
    const test = {
      rule_files: [ruleFile],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
          promql_expr_test: [
            {
              expr: `group without (alertstate, severity) (ALERTS{alertname="${alert}", alertstate="firing"})`,
              eval_time: AT,
              exp_samples: samples,
            },
          ],
        },
      ],
    };
    writeFileSync(file, stringify(test));
    return promtool('test', 'rules', file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
