import type { Operation } from './history';
import type { SequenceInput, SequenceOutput } from './sequence-model';

type Call = Operation<SequenceInput, SequenceOutput>;

/** A call that was answered. */
interface Taken {
  readonly name: string;
  readonly invokedAt: number;
  readonly respondedAt: number;
  readonly first: number;
  readonly last: number;
}

/**
 * What can be said of one sequence in linear time, whatever its length (the model in sequence-model.ts says more, as long as the search ends): no
 * number twice, as many as asked for, larger ones for a call that began after another had ended, and no gap that is longer than the
 * calls of unknown outcome that could have taken it. Yields one sentence a violation.
 *
 * @param calls of one key
 * @param start the number with which the sequence starts
 */
export function checkRanges(calls: readonly Call[], start = 1): string[] {
  const taken: Taken[] = [];
  const findings: string[] = [];
  for (const { name, input, invokedAt, response } of calls) {
    if (response === undefined) continue;
    const { first, last } = response.output;
    taken.push({ name, invokedAt, respondedAt: response.at, first, last });
    if (last - first + 1 !== input.count) {
      findings.push(`${name} asked for ${input.count} numbers and was given ${first}-${last}`);
    }
  }
  taken.sort((one, other) => one.first - other.first);
  const unknown = calls.filter(({ response }) => response === undefined);
  return [...findings, ...checkOrder(taken), ...checkGaps(taken, unknown, start)];
}

function checkOrder(taken: readonly Taken[]): string[] {
  const findings: string[] = [];
  // From the largest numbers down: whoever has smaller ones must not have begun after somebody above had ended.
  let earliest: Taken | undefined;
  for (const call of [...taken].reverse()) {
    if (earliest !== undefined && call.invokedAt > earliest.respondedAt) {
      findings.push(
        `${call.name} was given ${call.first}-${call.last} after ${earliest.name} had been given ${earliest.first}-${earliest.last}`,
      );
    }
    if (earliest === undefined || call.respondedAt < earliest.respondedAt) earliest = call;
  }
  return findings;
}

function checkGaps(taken: readonly Taken[], unknown: readonly Call[], start: number): string[] {
  const findings: string[] = [];
  let next = start;
  let missing = 0;
  for (const call of taken) {
    if (call.first < next) {
      findings.push(
        `${call.name} was given ${call.first}-${call.last}, ${next - 1} was taken already`,
      );
    }
    missing += Math.max(0, call.first - next);
    const explained = unknown
      .filter(({ invokedAt }) => invokedAt <= call.respondedAt)
      .reduce((sum, { input }) => sum + input.count, 0);
    if (missing > explained) {
      findings.push(
        `${missing} numbers below ${call.first} belong to nobody, and calls of unknown outcome can have taken ${explained}`,
      );
      return findings;
    }
    next = Math.max(next, call.last + 1);
  }
  return findings;
}
