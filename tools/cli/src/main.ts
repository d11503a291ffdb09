import { resolve } from 'node:path';
import { ExitCode } from './command/exit-code';
import { standardOutput } from './command/output';
import { runProgram } from './program';

const ROOT = resolve(__dirname, '..', '..', '..');

runProgram(standardOutput(), ROOT, process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = ExitCode.bug;
});
