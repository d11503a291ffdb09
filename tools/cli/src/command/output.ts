import { createInterface } from 'node:readline/promises';

/** Where a command's words go, and whom it may ask. */
export interface Output {
  /** The answer; a line break follows. */
  readonly out: (text: string) => void;
  /** What went wrong; a line break follows. */
  readonly error: (text: string) => void;
  /** What the process ends with. `locks run` passes on the code of the command that it ran. */
  readonly exit: (code: number) => void;
  /** Asks the operator; yields what was typed, '' when nobody answers. */
  readonly ask: (question: string) => Promise<string>;
  /** Everything on standard input, in pieces. */
  readonly input: () => AsyncIterable<Buffer | string>;
  /** The answer goes to a terminal, which can be redrawn. */
  readonly isTerminal: boolean;
  /** The answer may have colours: a terminal, and NO_COLOR is not set. */
  readonly hasColors: boolean;
}

/** The process's own standard streams. */
export function standardOutput(): Output {
  const { stdin, stdout, stderr } = process;
  // A reader that has seen enough, such as `head`, is no error.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const isTerminal = stdout.isTTY;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    error: (text) => void stderr.write(`${text}\n`),
    exit: (code) => {
      process.exitCode = code;
    },
    ask,
    input: () => stdin,
    isTerminal,
    // https://no-color.org: set to anything but the empty string.
    hasColors: isTerminal && (process.env['NO_COLOR'] ?? '') === '' && stdout.hasColors(),
  };
}

/** An end of input without a word counts as no. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  const answer = await Promise.race([terminal.question(question), ended]);
  terminal.close();
  return answer;
}
