import { Readable } from 'node:stream';
import type { Output } from '../../src/command/output';
import { runProgram } from '../../src/program';

/** What a command line came to. */
export interface Run {
  readonly out: string;
  readonly error: string;
  readonly code: number;
  /** What the operator was asked. */
  readonly questions: readonly string[];
}

/** What somebody at the terminal does. */
export interface Typing {
  /** On standard input. */
  readonly input?: string;
  /** The answer to every question. */
  readonly typed?: string;
}

/** Runs one command line in this process, with a root folder that holds nothing. */
export async function runWords(words: readonly string[], typing: Typing = {}): Promise<Run> {
  const { input = '', typed = '' } = typing;
  const seen = { out: '', error: '', code: -1, questions: [] as string[] };
  const output: Output = {
    out: (text) => void (seen.out += `${text}\n`),
    error: (text) => void (seen.error += `${text}\n`),
    exit: (code) => void (seen.code = code),
    ask: (question) => {
      seen.questions.push(question);
      return Promise.resolve(typed);
    },
    input: () => Readable.from([input]),
    isTerminal: false,
    hasColors: false,
  };
  await runProgram(output, '/nowhere', words);
  return seen;
}

const SETTLE_TIMEOUT_MS = 20_000;

/** Runs it until it ends with this code, or yields the last run: on a busy machine a group may be electing a leader just now. */
export async function runUntil(code: number, run: () => Promise<Run>): Promise<Run> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const last = await run();
    if (last.code === code || performance.now() > deadline) return last;
  }
}
