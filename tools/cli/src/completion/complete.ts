import type { Argument, Command, Option } from 'commander';

/** A word that may stand at the cursor. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/**
 * The words that may stand at the cursor.
 *
 * @param words what was typed after the program's name; the last one is not finished and may be empty.
 */
export function complete(program: Command, words: readonly string[]): Candidate[] {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (before.includes('--')) return [];
  const { command, operands, pending } = walk(program, before);
  return candidates(command, operands, pending, typed).filter(({ value }) =>
    value.startsWith(typed),
  );
}

interface Position {
  readonly command: Command;
  /** How many words were arguments of the command. */
  readonly operands: number;
  /** An option that still waits for its value. */
  readonly pending: Option | undefined;
}

function walk(program: Command, words: readonly string[]): Position {
  let command = program;
  let operands = 0;
  let pending: Option | undefined;
  for (const word of words) {
    if (pending !== undefined) {
      pending = undefined;
      continue;
    }
    if (word.startsWith('-')) {
      const option = command.options.find(({ short, long }) => word === short || word === long);
      pending = option?.required === true ? option : undefined;
      continue;
    }
    const child = visible(command).find((one) => one.name() === word);
    if (child === undefined) operands += 1;
    else command = child;
  }
  return { command, operands, pending };
}

function candidates(
  command: Command,
  operands: number,
  pending: Option | undefined,
  typed: string,
): Candidate[] {
  if (pending !== undefined) return choicesOf(pending);
  if (typed.startsWith('-')) {
    const options = command.options.map(({ long, short, description }) => ({
      value: long ?? short ?? '',
      description,
    }));
    return [...options, { value: '--help', description: 'show help' }];
  }
  const argument = command.registeredArguments[operands];
  const children = visible(command).map((one) => ({
    value: one.name(),
    description: one.description(),
  }));
  return [...children, ...(argument === undefined ? [] : choicesOf(argument))];
}

function visible({ commands }: Command): readonly Command[] {
  return commands.filter((one) => !one.name().startsWith('__'));
}

function choicesOf({ argChoices }: Option | Argument): Candidate[] {
  return (argChoices ?? []).map((value) => ({ value, description: '' }));
}
