import { ServiceError } from '@raftway/errors';
import { CommandError, describeFailure, exitCodeOf, failureToJson } from './command-error';
import { ExitCode } from './exit-code';
import { toJsonLine } from './json';
import type { Output } from './output';

/**
 * Runs a command's work and sets the exit code. What somebody can expect to go wrong becomes a few lines on standard error, or with
 * `json` one JSON object there; anything else is a bug and passes through.
 */
export async function reporting(
  output: Output,
  json: boolean,
  work: () => Promise<number | void>,
): Promise<void> {
  try {
    output.exit((await work()) ?? ExitCode.done);
  } catch (thrown) {
    const { exitCode, text, fields } = expected(thrown);
    output.error(json ? toJsonLine({ error: fields, exitCode }) : `raftway: ${text}`);
    output.exit(exitCode);
  }
}

interface Failure {
  readonly exitCode: number;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** @throws what was thrown, when nobody could expect it. */
function expected(thrown: unknown): Failure {
  if (thrown instanceof CommandError) {
    return { exitCode: thrown.exitCode, text: thrown.message, fields: thrown.fields };
  }
  if (thrown instanceof ServiceError) {
    const exitCode = exitCodeOf(thrown);
    return { exitCode, text: describeFailure(thrown), fields: failureToJson(thrown) };
  }
  throw thrown;
}
