import type { Style } from '../command/style';
import { table } from '../command/table';
import { renderProblems } from '../status/render';
import type { Check } from './diagnose';

/** What was looked at in one line each, and then what to mend. */
export function renderChecks(checks: readonly Check[], style: Style): string {
  const rows = checks.map(({ topic, sound, problems }) => {
    const [worst] = problems;
    if (worst === undefined) return [style.good('ok'), topic, sound];
    const mark = { error: style.bad, warning: style.doubtful, note: style.faint }[worst.severity];
    const count = problems.length === 1 ? '1 finding' : `${problems.length} findings`;
    return [mark(worst.severity), topic, count];
  });
  const problems = checks.flatMap((check) => check.problems);
  return `${table(rows)}\n\n${renderProblems(problems, style)}`;
}
