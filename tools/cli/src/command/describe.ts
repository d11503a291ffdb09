import type { Command } from 'commander';
import { EXIT_CODES, type ExitCode } from './exit-code';

/** What `--help` says of a command besides its options. */
export interface Description {
  /** One line, lower case, without a full stop. */
  readonly summary: string;
  /** Whole sentences, one paragraph each. Default: none. */
  readonly details?: readonly string[];
  /** Lines to paste, each with what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Default: those that every command may end with are on `raftway --help`. */
  readonly exitCodes?: readonly ExitCode[];
}

const LINE_CHARACTERS_MAX = 96;

/** Gives a command its help: all commands have the same parts in the same order. */
export function describe(command: Command, description: Description): Command {
  const { summary, details = [], examples, exitCodes = [] } = description;
  const parts = details.map(wrap);
  if (examples.length > 0) {
    const lines = examples.map(([line, what]) => `  # ${what}\n  ${line}`);
    parts.push(`Examples:\n${lines.join('\n')}`);
  }
  if (exitCodes.length > 0) parts.push(exitCodeTable(exitCodes));
  return command.description(summary).addHelpText('after', `\n${parts.join('\n\n')}`);
}

/** Exit codes with their meanings. @param only these; default: all of them. */
export function exitCodeTable(only?: readonly ExitCode[]): string {
  const rows = EXIT_CODES.filter(([code]) => only?.includes(code) ?? true);
  const lines = rows.map(([code, meaning]) => `  ${String(code).padStart(2)}  ${meaning}`);
  return `Exit codes:\n${lines.join('\n')}`;
}

function wrap(text: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > LINE_CHARACTERS_MAX) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join('\n');
}
