import type { ChaosResult } from './chaos-run';

/** What a run did and found, as lines of text. */
export function summarize({ seed, durationMs, history, faults, verdicts }: ChaosResult): string[] {
  const lines = [
    `seed ${seed}, ${(durationMs / 1000).toFixed(0)} s, ${history.operations} calls, ${sum(faults.values())} faults`,
    '',
    'calls            answered   refused   unknown',
  ];
  for (const [kind, { answered, refused, unknown }] of [...history.tallies].sort()) {
    const numbers = [answered, refused, unknown].map((count) => String(count).padStart(9));
    lines.push(`${kind.padEnd(15)} ${numbers.join(' ')}`);
  }
  lines.push('', 'faults');
  for (const [fault, count] of [...faults].sort()) {
    lines.push(`${String(count).padStart(5)}  ${fault}`);
  }
  lines.push('', 'what was not answered');
  const reasons = [...history.refusals].sort(([, one], [, other]) => other - one);
  for (const [reason, count] of reasons.slice(0, 20)) {
    lines.push(`${String(count).padStart(5)}  ${reason}`);
  }
  lines.push('', 'verdicts');
  for (const { check, verdict, extent, findings } of verdicts) {
    lines.push(`${verdict.padEnd(10)} ${check} (${extent})`);
    for (const finding of findings.slice(0, 5)) lines.push(`           ${finding}`);
  }
  return lines;
}

/** True when every check holds. */
export function hasPassed({ verdicts }: ChaosResult): boolean {
  return verdicts.every(({ verdict }) => verdict === 'holds');
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
