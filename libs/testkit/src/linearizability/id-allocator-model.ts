import type { Model, Operation } from './history';

/** Asks for so many ids that follow each other. */
export interface IdAllocatorInput {
  readonly count: number;
}

/** The ids given, both ends included. */
export interface IdAllocatorOutput {
  readonly first: bigint;
  readonly last: bigint;
}

type Call = Operation<IdAllocatorInput, IdAllocatorOutput>;

/**
 * An allocator whose ids grow, with gaps wherever it likes: time goes by, ceilings are skipped. Its state is the highest id that it has given.
 * So a call of unknown outcome explains nothing and is left out.
 */
export const growingIdsModel: Model<bigint, IdAllocatorInput, IdAllocatorOutput> = {
  initial: -1n,
  step: (highest, { count }, output) => {
    if (output === undefined || !isWhole(output, count)) return undefined;
    return output.first > highest ? output.last : undefined;
  },
  fingerprint: String,
};

/**
 * An allocator that promises no order, only that no id is given twice. Its state is what it has given; together with {@link keyedByOverlap} that stays small,
 * because only ranges that meet are compared.
 */
export const distinctIdsModel: Model<
  readonly IdAllocatorOutput[],
  IdAllocatorInput,
  IdAllocatorOutput
> = {
  initial: [],
  step: (given, { count }, output) => {
    if (output === undefined || !isWhole(output, count)) return undefined;
    const isTaken = given.some(({ first, last }) => first <= output.last && output.first <= last);
    return isTaken ? undefined : [...given, output];
  },
  fingerprint: (given) =>
    given
      .map(({ first, last }) => `${first}-${last}`)
      .sort()
      .join(),
};

function isWhole({ first, last }: IdAllocatorOutput, count: number): boolean {
  return last - first + 1n === BigInt(count);
}

/**
 * For an allocator that promises no order: every id is an object of its own that can be taken once, so only calls whose ranges meet have to be checked
 * together. Yields the calls, each with the smallest id of its part as its key; those of unknown outcome took ids that nobody has seen, and are left out.
 */
export function keyedByOverlap(calls: readonly Call[]): Call[] {
  const answered = calls.flatMap((call) =>
    call.response === undefined ? [] : [{ call, ...call.response.output }],
  );
  answered.sort((one, other) => (one.first < other.first ? -1 : Number(one.first > other.first)));
  let start = 0n;
  let end: bigint | undefined;
  return answered.map(({ call, first, last }) => {
    if (end === undefined || first > end) {
      start = first;
      end = last;
    } else if (last > end) end = last;
    return { ...call, key: `${call.key} from ${start}` };
  });
}
